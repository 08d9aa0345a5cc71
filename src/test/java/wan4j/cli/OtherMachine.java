package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// A machine with a driver and libraries that tell of themselves what a test wants, on which
/// commands run in a process of their own.
final class OtherMachine {
  private final Path folder;

  /// A machine whose libraries lie in a folder; skips where no C compiler makes them.
  OtherMachine(Path folder) {
    assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "needs gcc");
    this.folder = folder;
  }

  /// Gives it a driver that serves a CUDA version, and GPUs of these compute capabilities.
  OtherMachine withDriver(int version, int... majors) throws Exception {
    String list = Arrays.stream(majors).mapToObj(String::valueOf).collect(Collectors.joining(","));
    build(
        "libcuda.so.1",
        """
        #include <stdio.h>
        static const int majors[] = {%s};
        int cuInit(unsigned flags) { return 0; }
        int cuDriverGetVersion(int *version) { *version = %d; return 0; }
        int cuDeviceGetCount(int *count) { *count = %d; return 0; }
        int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
        int cuDeviceGetName(char *name, int length, int device) {
          snprintf(name, length, "Card %%d", device);
          return 0;
        }
        int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 1 << 30; return 0; }
        int cuDeviceGetAttribute(int *value, int attribute, int device) {
          *value = attribute == 75 ? majors[device] : 0;
          return 0;
        }
        """
            .formatted(list, version, majors.length));
    return this;
  }

  /// Gives it a cuDNN that is built for a CUDA version.
  OtherMachine withCudnn(int version, int builtFor) throws Exception {
    build(
        "libcudnn.so.9",
        """
        #include <stddef.h>
        size_t cudnnGetVersion(void) { return %d; }
        size_t cudnnGetCudartVersion(void) { return %d; }
        """
            .formatted(version, builtFor));
    return this;
  }

  /// Runs a command there.
  Terminal run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--add-modules"));
    command.addAll(List.of("jdk.incubator.vector", "-cp", classPath(), Main.class.getName()));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out.txt");
    Path error = folder.resolve("error.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(error.toFile());
    builder.environment().put("WAN4J_CUDA_PATH", folder.toString());
    int code = builder.start().waitFor();
    return new Terminal(code, Files.readString(out), Files.readString(error));
  }

  /// Returns where this process has its classes from.
  static String classPath() throws Exception {
    Path own = Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    return String.join(
        File.pathSeparator,
        own.toString(),
        System.getProperty("jdk.module.path", ""),
        System.getProperty("java.class.path"));
  }

  private void build(String file, String code) throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve(file + ".c"), code);
    Process compiler =
        new ProcessBuilder(
                "gcc",
                "-shared",
                "-fPIC",
                "-Wl,-z,noexecstack",
                source.toString(),
                "-o",
                folder.resolve(file).toString())
            .inheritIO()
            .start();
    assertThat(compiler.waitFor()).isZero();
  }
}
