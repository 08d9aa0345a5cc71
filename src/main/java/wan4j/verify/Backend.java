package wan4j.verify;

import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.engine.Backends;
import wan4j.engine.RankPart;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.InputException;

/// The backend under test and the accuracy that can be asked of it.
///
/// @param ops the backend
/// @param accuracy in which arithmetic it computes
/// @param part which rank of several it is
public record Backend(Ops ops, Accuracy accuracy, RankPart part) implements AutoCloseable {
  /// In which arithmetic a backend computes.
  public enum Accuracy {
    /// float32 on a processor: the case's own tolerances hold.
    FLOAT32,
    /// float32 on a GPU.
    GPU_FLOAT32,
    /// float32 with the inputs of matrix products rounded to TF32.
    GPU_TF32,
    /// bfloat16 activations and weights.
    GPU_BFLOAT16
  }

  /// Opens a device's backend in an arithmetic, which a processor does not look at; throws
  /// `InputException` when this machine does not have it.
  public static Backend open(Device device, Arithmetic arithmetic) {
    return new Backend(
        Backends.open(device, arithmetic), accuracy(device, arithmetic), RankPart.ALONE);
  }

  /// Returns a rank's backend, which closes with the ranks.
  static Backend of(RankPart part, Device device, Arithmetic arithmetic) {
    return new Backend(part.ops(), accuracy(device, arithmetic), part);
  }

  private static Accuracy accuracy(Device device, Arithmetic arithmetic) {
    return switch (device) {
      case CPU -> Accuracy.FLOAT32;
      case CUDA ->
          switch (arithmetic) {
            case BFLOAT16, BFLOAT16_RESIDUAL -> Accuracy.GPU_BFLOAT16;
            case TF32 -> Accuracy.GPU_TF32;
            case FLOAT32 -> Accuracy.GPU_FLOAT32;
          };
    };
  }

  /// Returns the group of a forward of so many heads; throws `UndividedException` where ranks
  /// cannot share it.
  SequenceGroup group(int heads) {
    if (!part.divides(heads)) {
      throw new UndividedException(heads);
    }
    return part.group();
  }

  /// Returns how a request is divided; throws `UndividedException` where ranks cannot divide it.
  RankPart.Division division(int heads, boolean isGuided) {
    if (!part.dividesRequests(heads, isGuided)) {
      throw new UndividedException(heads);
    }
    return part.division(heads, isGuided);
  }

  /// Heads that the ranks at work cannot divide.
  static final class UndividedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UndividedException(int heads) {
      super("%d heads".formatted(heads));
    }
  }

  /// Uses the named attention, `wan4j` or `bf16` (our own kernel), wherever it can run, even where
  /// another is faster; throws `InputException` for other names and backends without it.
  public void preferAttention(String name) {
    if (!name.equals("wan4j") && !name.equals("bf16")) {
      throw new InputException("--attention got \"%s\"; give wan4j or bf16".formatted(name));
    }
    Backends.preferOurAttention(ops);
  }

  /// Returns the tolerance of a result that is computed in the backend's arithmetic, given the
  /// case's own.
  double tolerance(double ownTolerance) {
    return switch (accuracy) {
      case FLOAT32 -> ownTolerance;
      case GPU_FLOAT32 -> Math.max(ownTolerance, 1e-4);
      case GPU_TF32 -> Math.max(ownTolerance, 2e-3);
      case GPU_BFLOAT16 -> Math.max(ownTolerance, 1e-2);
    };
  }

  /// Says whether one pass of a network can be compared number by number; in bfloat16 pictures are
  /// compared by their signal-to-noise ratio instead.
  boolean isFloat32() {
    return accuracy != Accuracy.GPU_BFLOAT16;
  }

  /// Says whether the same holds after many steps, where TF32's rounding has added up too.
  boolean isFloat32AfterSteps() {
    return accuracy == Accuracy.FLOAT32 || accuracy == Accuracy.GPU_FLOAT32;
  }

  /// Says whether the backend multiplies in FP8, so that whole pipelines can run in it; a
  /// processor, which imitates it, is compared by single forwards.
  boolean hasFloat8() {
    return accuracy != Accuracy.FLOAT32;
  }

  @Override
  public void close() {
    ops.close();
  }
}
