package wan4j.ops;

import wan4j.tensor.Tensor;

/// The input of a linear layer in the format that the layer asked for.
public sealed interface Operand {
  /// Returns the elements, `[rows, columns]`, in the type that the format says.
  Tensor values();

  /// Elements as they are.
  record Plain(Tensor values) implements Operand {}

  /// 8-bit elements and the float32 factors that turn them back: `[1]`, `[rows]` or `[rows, columns
  /// / 128]`.
  record Quantized(Tensor values, Tensor inverseScales, OperandFormat format) implements Operand {}
}
