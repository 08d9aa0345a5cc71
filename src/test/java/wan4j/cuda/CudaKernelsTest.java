package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.Kernel;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelModule;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// What the NVRTC of this machine, whichever version it is, makes of every kernel.
final class CudaKernelsTest {
  private static final Pattern ENTRY =
      Pattern.compile(
          "extern \"C\" __global__ void\\s+(?:__launch_bounds__\\([^)]*\\)\\s+)?(\\w+)");
  private static final int MOST_REGISTERS = 255;

  @TempDir private Path folder;

  private static CudaOps ops; // keeps the context

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
    ops = new CudaOps(0, CudaTypes.BFLOAT16);
  }

  @AfterAll
  static void close() {
    if (ops != null) {
      ops.close();
    }
  }

  @ParameterizedTest
  @MethodSource("wan4j.cuda.KernelsCompileTest#sources")
  void valuesStayInRegisters(KernelSource source) throws IOException {
    NvrtcCompiler compiler = new NvrtcCompiler();
    String text = Files.readString(Path.of("src/main/cuda").resolve(source.file()));
    List<String> names = ENTRY.matcher(text).results().map(match -> match.group(1)).toList();
    assertThat(names).as(source.file()).isNotEmpty();
    try (KernelModule module = new KernelCache(compiler, folder, false).module(source)) {
      for (String name : names) {
        Kernel kernel = module.kernel(name);
        String what = "%s of %s by %s".formatted(name, source.file(), compiler.version());
        assertThat(kernel.localBytes()).as(what).isZero();
        assertThat(kernel.registers()).as(what).isBetween(1, MOST_REGISTERS);
      }
    }
  }
}
