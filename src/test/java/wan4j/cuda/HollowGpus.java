package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// Programs that run on the GPUs that do nothing, those of hollow.c, each in a process of its own,
/// which has loaded no other libraries; and what such a program may ask of those GPUs.
public final class HollowGpus {
  private static final Path LIBRARIES = Path.of("src/test/resources/hollow.c");
  private static final String FOLDER = "WAN4J_CUDA_PATH";
  private static final String DRIVER = "libcuda.so.1";

  private HollowGpus() {}

  /// Runs a class's `main`; fails with what it printed when it fails, and aborts the test where
  /// there is no compiler for the libraries.
  public static void run(Path folder, Class<?> program, String... arguments) throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "needs gcc");
    Path driver = folder.resolve(DRIVER);
    run(
        folder,
        List.of(
            "gcc",
            "-shared",
            "-fPIC",
            "-Wl,-z,noexecstack",
            LIBRARIES.toString(),
            "-o",
            driver.toString()));
    // one library under four names: what the driver is told cuBLASLt and cuDNN know
    for (String name : List.of("libcublasLt.so.13", "libcudnn.so.9", "libnvrtc.so.13")) {
      Files.createSymbolicLink(folder.resolve(name), driver);
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx2g",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                classPath(),
                program.getName()));
    command.addAll(List.of(arguments));
    run(folder, command);
  }

  private static void run(Path folder, List<String> command)
      throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put(FOLDER, folder.toString());
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    assertThat(builder.start().waitFor()).as(() -> read(log)).isZero();
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.getMessage();
    }
  }

  private static String classPath() throws URISyntaxException {
    Path classes =
        Path.of(HollowGpus.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    return String.join(
        File.pathSeparator,
        classes.resolveSibling("classes").toString(),
        classes.resolveSibling("test-classes").toString(),
        System.getProperty("jdk.module.path", ""),
        System.getProperty("java.class.path"));
  }

  // ---- for the programs

  /// Returns the calls that work makes of the GPUs, a line each, with all arguments.
  static List<String> calls(Runnable work) {
    try {
      Path lines = Files.createTempFile(folder(), "calls", "");
      record(lines);
      try {
        work.run();
      } finally {
        record(null);
      }
      return Files.readAllLines(lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void record(Path lines) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path =
          lines == null ? MemorySegment.NULL : arena.allocateFrom(lines.toString());
      call("hollowRecord", ValueLayout.ADDRESS, path);
    }
  }

  /// Returns weights of the same shapes whose elements do not matter to those GPUs.
  public static Weights weights(Weights weights, DType dtype) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    for (String name : weights.names()) {
      sources.put(name, new Hollow(name, weights.shape(name), dtype));
    }
    return Weights.of(weights.title(), sources);
  }

  /// A tensor of a file whose elements do not matter.
  public record Hollow(String name, Shape shape, DType dtype) implements TensorSource {
    @Override
    public void read(long offset, MemorySegment target) {}
  }

  /// Has every call of the driver fail with a code from now on.
  static void breakDown(int code) {
    call("hollowBreak", ValueLayout.JAVA_INT, code);
  }

  @SuppressWarnings("restricted")
  private static void call(String function, MemoryLayout parameter, Object argument) {
    SymbolLookup driver = SymbolLookup.libraryLookup(folder().resolve(DRIVER), Arena.global());
    try {
      Linker.nativeLinker()
          .downcallHandle(driver.findOrThrow(function), FunctionDescriptor.ofVoid(parameter))
          .invoke(argument);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// Returns the folder of the libraries, which is the program's to use.
  static Path folder() {
    return Path.of(System.getenv(FOLDER));
  }
}
