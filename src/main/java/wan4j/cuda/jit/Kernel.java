package wan4j.cuda.jit;

import wan4j.cuda.bind.CudaKernels;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;

/// One compiled kernel, ready to launch in the context that loaded it.
public final class Kernel {
  private static final int UNASKED_SHARED = 48 * 1024;

  private final long function;
  private int allowedShared = UNASKED_SHARED;

  Kernel(long function) {
    this.function = function;
  }

  /// Launches in stream order; dynamic shared memory above 48 KB is requested automatically.
  public void launch(LaunchShape shape, long stream, KernelArguments arguments) {
    if (shape.shared() > allowedShared) {
      CudaKernels.allowShared(function, shape.shared());
      allowedShared = shape.shared();
    }
    CudaKernels.launch(function, shape, stream, arguments);
  }

  /// Registers a thread.
  public int registers() {
    return CudaKernels.registers(function);
  }

  /// Bytes of local memory a thread, 0 where nothing spills.
  public int localBytes() {
    return CudaKernels.localBytes(function);
  }

  /// How many blocks of this shape fit on one multiprocessor at once.
  public int blocksPerMultiprocessor(LaunchShape shape) {
    return CudaKernels.blocksPerMultiprocessor(
        function, shape.blockX() * shape.blockY() * shape.blockZ(), shape.shared());
  }
}
