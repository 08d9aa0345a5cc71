package wan4j.ops;

import wan4j.tensor.Tensor;

/// How a consumer wants its input, so that the producer can deliver it in one pass.
public sealed interface OperandFormat {
  /// Formats that need nothing but their name.
  enum Simple implements OperandFormat {
    /// The backend's activation type.
    PLAIN,
    /// float32.
    FLOAT32,
    /// E4M3 with one scale for the tensor, from the tensor's own largest magnitude.
    FLOAT8_CURRENT,
    /// E4M3 with one scale for every 1 x 128 piece.
    FLOAT8_BLOCK,
    /// E4M3 with one scale for every row.
    FLOAT8_TOKEN
  }

  /// E4M3 with one scale for the tensor that is known beforehand; the producer also notes the
  /// tensor's largest magnitude in `state`, a float32 tensor of the backend that belongs to one
  /// layer and guidance branch.
  record Delayed(Tensor state) implements OperandFormat {}
}
