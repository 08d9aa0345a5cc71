package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.bind.Nvrtc;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// The kernels of the full-size networks compile for Hopper and keep their values in registers: a
/// few of each file with nvcc, all of them with NVRTC.
class KernelsCompileTest {
  @TempDir private Path folder;

  @Test
  void nvccCompilesThemWithoutSpilling() {
    Path compiler = compiler();
    assumeTrue(compiler != null, "there is no nvcc on the path");
    List<KernelSource> few = KernelInstances.few();
    assertThat(
            IntStream.range(0, few.size())
                .parallel()
                .mapToObj(i -> spills(compiler, few.get(i), folder.resolve("program" + i)))
                .flatMap(List::stream))
        .isEmpty();
  }

  /// Returns what nvcc says of an instance but for kernels that keep all in registers.
  private static List<String> spills(Path compiler, KernelSource source, Path name) {
    String program = source.program();
    try {
      Path file = Files.writeString(Path.of(name + ".cu"), program, StandardCharsets.UTF_8);
      Process process =
          new ProcessBuilder(
                  compiler.toString(),
                  "-gencode=arch=compute_90a,code=sm_90a",
                  "-std=c++17",
                  "-Xptxas=-v",
                  "-cubin",
                  "-Isrc/main/cuda",
                  "-o",
                  name + ".cubin",
                  file.toString())
              .redirectErrorStream(true)
              .start();
      String report = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      List<String> kernels = report.lines().filter(line -> line.contains("spill stores")).toList();
      if (process.waitFor() != 0 || kernels.isEmpty()) {
        return List.of(KernelInstances.line(program) + ": " + report);
      }
      return kernels.stream()
          .filter(line -> !line.contains("0 bytes stack frame, 0 bytes spill stores"))
          .map(line -> KernelInstances.line(program) + ": " + line.strip())
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void nvrtcCompilesThemWithNoHeaderOfTheToolkit() {
    assumeTrue(Nvrtc.isPresent(), "there is no NVRTC on this machine");
    KernelCache cache = new KernelCache(new NvrtcCompiler(), folder, false);
    assertThat(KernelInstances.all().parallelStream().map(cache::cubin).toList())
        .allSatisfy(cubin -> assertThat(cubin).startsWith(0x7F, 'E', 'L', 'F'));
  }

  @Test
  void theCompilerIsGivenNothingButFilesOfOurs() {
    KernelCompiler compiler =
        new KernelCompiler() {
          @Override
          public String version() {
            return "a compiler that looks";
          }

          @Override
          public byte[] compile(
              String name, String program, Map<String, String> headers, List<String> options) {
            assertThat(headers.keySet())
                .allMatch(header -> Files.exists(Path.of("src/main/cuda").resolve(header)));
            assertThat(options)
                .noneMatch(option -> option.startsWith("-I") || option.startsWith("--include"))
                .noneMatch(option -> option.startsWith("--pre-include"));
            return new byte[] {1};
          }
        };
    KernelCache cache = new KernelCache(compiler, folder, false);
    for (KernelSource source : KernelInstances.few()) {
      assertThat(cache.cubin(source)).containsExactly(1);
    }
  }

  /// NVRTC knows no builtins of the host's compiler, which nvcc takes.
  @Test
  void noBuiltinOfAHostCompilerIsUsed() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      for (Path file : files.toList()) {
        assertThat(Files.readString(file)).as("%s", file).doesNotContain("__builtin_");
      }
    }
  }

  @Test
  void noKernelFileIsForgotten() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      assertThat(KernelInstances.few())
          .extracting(KernelSource::file)
          .containsAll(
              files
                  .map(file -> file.getFileName().toString())
                  .filter(name -> name.endsWith(".cu"))
                  .toList());
    }
  }

  private static Path compiler() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .map(entry -> Path.of(entry).resolve("nvcc"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }
}
