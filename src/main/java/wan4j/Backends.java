package wan4j;

import wan4j.cpu.CpuOps;
import wan4j.cuda.CudaOps;
import wan4j.cuda.CudaTypes;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;

/// Where a device becomes a backend: the one place that names them.
public final class Backends {
  private Backends() {}

  /// Opens a backend; throws `InputException` when this machine or build does not have it.
  public static Ops open(Device device) {
    return switch (device) {
      case CPU -> new CpuOps();
      case CUDA -> openCuda(0, CudaTypes.BFLOAT16);
    };
  }

  /// Opens the GPU of this ordinal with these element types; throws `InputException` when it cannot
  /// be used.
  public static Ops openCuda(int ordinal, CudaTypes types) {
    if (!Cuda.isPresent()) {
      throw new InputException("device cuda cannot be used: " + Cuda.absence());
    }
    return new CudaOps(ordinal, types);
  }
}
