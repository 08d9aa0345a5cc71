package wan4j.tensor;

/// A weight that is stored as 8-bit floats beside the factors that turn them back; whoever merely
/// reads it gets float32 with the factors multiplied in.
public interface ScaledSource extends TensorSource {
  /// Returns the 8-bit floats as they are stored, in the weight's shape.
  TensorSource codes();

  /// Returns the float32 factors in host memory: `[1]`, one for each output `[outputs]`, one for
  /// each of an output's equal pieces `[outputs, pieces]`, or one for each tile of 128 by 128
  /// `[ceil(outputs / 128), ceil(inputs / 128)]`.
  Tensor factors();

  /// Says whether each tile of 128 by 128 has a factor of its own.
  default boolean isTiled() {
    return factors().shape().rank() == 2 && factors().shape().size(0) != shape().size(0);
  }
}
