package wan4j;

import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;

/// Where a device becomes a backend: the one place that names them.
public final class Backends {
  private Backends() {}

  /// Opens a backend; throws `InputException` when this machine or build does not have it.
  public static Ops open(Device device) {
    return switch (device) {
      case CPU -> new CpuOps();
      case CUDA ->
          throw new InputException("device cuda is not part of this build yet; use --device cpu");
    };
  }
}
