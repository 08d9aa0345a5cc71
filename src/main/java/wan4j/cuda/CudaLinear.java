package wan4j.cuda;

import wan4j.ops.Linear;
import wan4j.ops.OperandFormat;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A linear layer in device memory: its shape `[outputs, inputs]`; its weight, which has that shape
/// or, in FP8, is padded with zeros to sides that matrix units take; bias `[outputs]` or null, the
/// weight's float32 inverse scales or null, and under delayed scaling the state of each branch.
record CudaLinear(
    Shape shape,
    Tensor weight,
    Tensor bias,
    Tensor inverse,
    Precision precision,
    Tensor conditional,
    Tensor unconditional)
    implements Linear {
  @Override
  public int inputs() {
    return shape.length(1);
  }

  @Override
  public int outputs() {
    return shape.length(0);
  }

  /// Says whether the weight has zeros behind its inputs or outputs.
  boolean isPadded() {
    return !weight.shape().equals(shape);
  }

  @Override
  public OperandFormat input(Branch branch) {
    return switch (precision) {
      case FLOAT32 -> OperandFormat.Simple.FLOAT32;
      case PLAIN -> OperandFormat.Simple.PLAIN;
      case FLOAT8_CURRENT -> OperandFormat.Simple.FLOAT8_CURRENT;
      case FLOAT8_BLOCK -> OperandFormat.Simple.FLOAT8_BLOCK;
      case FLOAT8_TOKEN -> OperandFormat.Simple.FLOAT8_TOKEN;
      case FLOAT8_DELAYED ->
          new OperandFormat.Delayed(branch == Branch.CONDITIONAL ? conditional : unconditional);
    };
  }
}
