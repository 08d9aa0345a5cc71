package wan4j.cuda;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.cuda.bind.Nvrtc;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// Every kernel file compiles with nvcc for Hopper, at a shape of the real networks, and keeps its
/// values in registers.
class KernelsCompileTest {
  private static final int F32 = 0;
  private static final int BF16 = 1;

  @TempDir private Path folder;

  static KernelSource[] sources() {
    return new KernelSource[] {
      rows(
          "norm.cu",
          Map.of("INPUT", F32, "ADDED", 2, "CHANGE", BF16, "WEIGHT", F32, "OUTPUT", BF16),
          RowFormat.BLOCK),
      rows(
          "norm.cu",
          Map.of("INPUT", BF16, "ADDED", 0, "CHANGE", F32, "WEIGHT", F32, "OUTPUT", BF16),
          RowFormat.TOKEN),
      rows("gate.cu", Map.of("INPUT", BF16, "RESIDUAL", F32, "OUTPUT", BF16), RowFormat.DELAYED),
      rows(
          "quantize.cu",
          Map.of("INPUT", BF16, "OUTPUT", BF16, "FUNCTION", 1, "BIASED", true),
          RowFormat.NOTED),
      rows("rope.cu", Map.of("HEAD_SIZE", 128, "INPUT", BF16, "WEIGHT", F32), RowFormat.PLAIN),
      rows("compare.cu", Map.of("CURRENT", F32, "PREVIOUS", BF16), RowFormat.PLAIN),
      KernelSource.of(
          "elementwise.cu", Map.of("VECTOR", 8, "SOURCE", F32, "TARGET", BF16, "FUNCTION", 3)),
      KernelSource.of("combine.cu", Map.of("VECTOR", 8, "TERMS", 5, "TARGET", F32, "TYPES", 4)),
      KernelSource.of(
          "bias.cu",
          Map.of(
              "COLUMNS",
              96,
              "STRIDE",
              96,
              "VECTOR",
              8,
              "TYPE",
              BF16,
              "BIAS",
              BF16,
              "FUNCTION",
              0,
              "ADDED",
              true)),
      KernelSource.of("patch.cu", Map.of("TYPE", BF16)),
      KernelSource.of("random.cu", Map.of("VECTOR", 8, "TARGET", BF16)),
      KernelSource.of(
          "softmax.cu",
          Map.of("COLUMNS", 14_400, "VECTOR", 4, "THREADS", 1024, "OUTPUT", BF16, "BIASED", false)),
      KernelSource.of(
          "channelnorm.cu",
          Map.of(
              "CHANNELS",
              96,
              "VECTOR",
              8,
              "LANES",
              4,
              "INPUT",
              BF16,
              "WEIGHT",
              F32,
              "OUTPUT",
              BF16,
              "FUNCTION",
              3)),
      KernelSource.of(
          "video.cu",
          Map.of("CHANNELS", 96, "VECTOR", 8, "TYPE", BF16, "TIME", 2, "SPACE", 2, "TARGETS", 192)),
      KernelSource.of(
          "convolution.cu",
          Map.ofEntries(
              entry("CHANNELS", 96),
              entry("INPUTS", 96),
              entry("COLUMNS", 2592),
              entry("TIME", 3),
              entry("HEIGHT", 3),
              entry("WIDTH", 3),
              entry("TIME_STRIDE", 1),
              entry("SPACE_STRIDE", 1),
              entry("VECTOR", 8),
              entry("TYPE", BF16))),
      attention(RowFormat.PLAIN),
      attention(RowFormat.NOTED),
      attention(RowFormat.BLOCK),
      attention(RowFormat.DELAYED),
      KernelSource.of("packweight.cu", Map.of("SOURCE", F32, "TYPE", BF16)),
      patches(96, 96, false),
      patches(96, 96, true),
      patches(192, 192, false),
      patches(192, 192, true),
      patches(96, 192, true),
      patches(192, 96, false),
      patches(160, 160, true),
      patches(256, 256, false),
      patches(96, 3, false),
      patches(16, 384, false)
    };
  }

  private static KernelSource attention(RowFormat format) {
    return KernelSource.of("attention.cu", AttentionKernels.constants(format));
  }

  private static KernelSource patches(int inputs, int outputs, boolean normalised) {
    PatchConvolution.Plan plan = PatchConvolution.Plan.of(inputs, outputs);
    return KernelSource.of(
        "patchconvolution.cu",
        PatchConvolution.constants(new PatchConvolution.Key(plan, normalised)));
  }

  private static KernelSource rows(String file, Map<String, Object> types, RowFormat format) {
    Map<String, Object> constants = new HashMap<>(types);
    constants.put("COLUMNS", 5120);
    constants.put("VECTOR", 8);
    constants.put("THREADS", 320);
    constants.put("FORMAT", format.number());
    return KernelSource.of(file, constants);
  }

  @ParameterizedTest
  @MethodSource("sources")
  void nvccCompilesItWithoutSpilling(KernelSource source) throws IOException, InterruptedException {
    Path compiler = compiler();
    assumeTrue(compiler != null, "there is no nvcc on the path");
    Path program = folder.resolve("program.cu");
    Files.writeString(program, source.program(), StandardCharsets.UTF_8);
    Process process =
        new ProcessBuilder(
                compiler.toString(),
                "-gencode=arch=compute_90a,code=sm_90a",
                "-std=c++17",
                "-Xptxas=-v",
                "-cubin",
                "-Isrc/main/cuda",
                "-o",
                folder.resolve("program.cubin").toString(),
                program.toString())
            .redirectErrorStream(true)
            .start();
    String report = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(report).isZero();
    assertThat(report.lines().filter(line -> line.contains("spill stores")))
        .isNotEmpty()
        .allMatch(line -> line.contains("0 bytes stack frame, 0 bytes spill stores"));
  }

  @ParameterizedTest
  @MethodSource("sources")
  void nvrtcCompilesItWithNoHeaderOfTheToolkit(KernelSource source) {
    assumeTrue(Nvrtc.isPresent(), "there is no NVRTC on this machine");
    byte[] cubin = new KernelCache(new NvrtcCompiler(), folder, false).cubin(source);
    assertThat(cubin).startsWith(0x7F, 'E', 'L', 'F');
  }

  @ParameterizedTest
  @MethodSource("sources")
  void theCompilerIsGivenNothingButFilesOfOurs(KernelSource source) {
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
    assertThat(new KernelCache(compiler, folder, false).cubin(source)).containsExactly(1);
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
      assertThat(Arrays.stream(sources()).map(KernelSource::file))
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
