package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.Kernel;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelModule;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// What the NVRTC of this machine, whichever version it is, makes of every kernel of the full-size
/// networks.
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

  @Test
  void valuesStayInRegisters() throws IOException {
    NvrtcCompiler compiler = new NvrtcCompiler();
    KernelCache cache = new KernelCache(compiler, folder, false);
    List<KernelSource> sources = KernelInstances.all();
    sources.parallelStream().forEach(cache::cubin);
    List<String> faults = new ArrayList<>();
    for (KernelSource source : sources) {
      String text = Files.readString(Path.of("src/main/cuda").resolve(source.file()));
      List<String> names = ENTRY.matcher(text).results().map(match -> match.group(1)).toList();
      assertThat(names).as(source.file()).isNotEmpty();
      try (KernelModule module = cache.module(source)) {
        for (String name : names) {
          Kernel kernel = module.kernel(name);
          String instance = KernelInstances.line(source.program());
          if (kernel.localBytes() > 0 || kernel.registers() > MOST_REGISTERS) {
            faults.add(
                "%s of %s by %s: %d bytes in local memory, %d registers"
                    .formatted(
                        name,
                        instance,
                        compiler.version(),
                        kernel.localBytes(),
                        kernel.registers()));
          }
        }
      }
    }
    assertThat(faults).isEmpty();
  }
}
