package wan4j.cpu;

import wan4j.ops.Linear;
import wan4j.ops.OperandFormat;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.Tensor;

/// A linear layer in host memory: weight `[outputs, inputs]` in float32 or, as the checkpoint had
/// it, bfloat16; bias float32 `[outputs]`, zeros where the layer has none.
record CpuLinear(Tensor weight, Tensor bias, Precision precision) implements Linear {
  @Override
  public int inputs() {
    return weight.length(1);
  }

  @Override
  public int outputs() {
    return weight.length(0);
  }

  @Override
  public OperandFormat input(Branch branch) {
    return precision == Precision.FLOAT32
        ? OperandFormat.Simple.FLOAT32
        : OperandFormat.Simple.PLAIN;
  }
}
