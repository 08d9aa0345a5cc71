package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.KernelInstances;

/// The list of kernels' instances that are compiled in tests holds all that full-size networks ask
/// for, and nothing else.
final class KernelWalkTest {
  private static final Path LIBRARIES = Path.of("src/test/resources/hollow.c");
  private static final Path LIST = Path.of("src/test/resources/wan4j/cuda/kernels.txt");
  private static final Path FOUND = Path.of("target/kernels.txt");

  @TempDir Path folder;

  /// Builds the libraries that do nothing.
  @BeforeEach
  void buildLibraries() throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "needs gcc");
    Path driver = folder.resolve("libcuda.so.1");
    run(
        List.of(
            "gcc",
            "-shared",
            "-fPIC",
            "-Wl,-z,noexecstack",
            LIBRARIES.toString(),
            "-o",
            driver.toString()));
    // one library under three names: what the driver is told cuBLASLt and cuDNN know
    Files.createSymbolicLink(folder.resolve("libcublasLt.so.13"), driver);
    Files.createSymbolicLink(folder.resolve("libcudnn.so.9"), driver);
  }

  @Test
  void theListOfKernelsIsWhatFullSizeNetworksAskFor() throws Exception {
    walk(KernelWalk.class, FOUND);
    assertThat(Files.readAllLines(FOUND))
        .as("what %s holds goes to %s where kernels have changed", FOUND, LIST)
        .isEqualTo(KernelInstances.lines());
  }

  @Test
  void thePlanOfMemoryCountsEachOperationOfTheBackendToTheByte() throws Exception {
    Path device = folder.resolve("device.txt");
    Path planned = folder.resolve("planned.txt");
    walk(MemoryWalk.class, device, planned);
    assertThat(Files.readAllLines(device)).hasSizeGreaterThan(1000);
    assertThat(Files.readAllLines(planned)).containsExactlyElementsOf(Files.readAllLines(device));
  }

  /// Runs a walk in a process of its own, whose libraries are those that do nothing.
  private void walk(Class<?> walk, Path... files) throws Exception {
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
                walk.getName(),
                Files.createDirectory(folder.resolve("walk")).toString()));
    Stream.of(files).map(Path::toString).forEach(command::add);
    run(command);
  }

  private void run(List<String> command) throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("WAN4J_CUDA_PATH", folder.toString());
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
        Path.of(KernelWalk.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    return String.join(
        File.pathSeparator,
        classes.resolveSibling("classes").toString(),
        classes.resolveSibling("test-classes").toString(),
        System.getProperty("jdk.module.path", ""),
        System.getProperty("java.class.path"));
  }
}
