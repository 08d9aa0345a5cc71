package wan4j.cuda;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import wan4j.Arithmetic;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.engine.Backends;

/// The CUDA backend on the GPUs that do nothing, for programs of [HollowGpus].
final class HollowOps {
  private static final KernelCompiler COMPILER =
      new KernelCompiler() {
        @Override
        public String version() {
          return "a compiler of nothing";
        }

        @Override
        public byte[] compile(
            String name, String program, Map<String, String> headers, List<String> options) {
          return new byte[] {1};
        }
      };

  private HollowOps() {}

  static CudaOps open(int gpu) {
    Path cubins = HollowGpus.folder().resolve("cubins");
    KernelCache cache = new KernelCache(COMPILER, cubins, false);
    return (CudaOps) Backends.open(gpu, Arithmetic.BFLOAT16, cache);
  }
}
