package wan4j.model;

import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// The layers of a block that make keys and values of cross-attention from what it looks at: the
/// words of a prompt or the tokens of a picture.
public final class ContextLayers {
  private final Ops ops;
  private final Linear key;
  private final Linear value;
  private final Tensor keyNorm;

  /// Loads them; `suffix` is what their names end with beside those of the prompt, such as `_img`.
  ContextLayers(Weights weights, String suffix, int dim, Ops ops, LayerLoader layers) {
    this.ops = ops;
    key = layers.linear(weights, "k" + suffix, dim, dim);
    value = layers.linear(weights, "v" + suffix, dim, dim);
    keyNorm =
        layers.parameters().tensor(weights.tensor("norm_k" + suffix + ".weight", dim), DType.F32);
  }

  /// Writes the keys and values of a branch's context `[length, dim]`.
  public void read(Tensor context, Branch branch, Tensor keys, Tensor values) {
    try (var _ = ops.scope()) {
      Operand rows = ops.operand(context, key.input(branch));
      Tensor k = ops.linear(rows, key, Activation.NONE);
      Operand normed = ops.rmsNorm(k, keyNorm, WanBlock.EPSILON, OperandFormat.Simple.PLAIN);
      ops.copy(normed.values(), keys);
      Operand again = ops.operand(context, value.input(branch));
      ops.linear(again, value, values);
    }
  }
}
