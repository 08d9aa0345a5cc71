package wan4j.cuda.jit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import wan4j.cuda.bind.CudaKernels;

/// The kernels of one compiled file, loaded into one context.
public final class KernelModule implements AutoCloseable {
  private final long module;
  private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();

  KernelModule(byte[] cubin) {
    this.module = CudaKernels.loadModule(cubin);
  }

  /// The file's kernel of this `extern "C"` name.
  public Kernel kernel(String name) {
    return kernels.computeIfAbsent(name, key -> new Kernel(CudaKernels.function(module, key)));
  }

  /// Unloads the code; kernels of this module become invalid.
  @Override
  public void close() {
    CudaKernels.unloadModule(module);
  }
}
