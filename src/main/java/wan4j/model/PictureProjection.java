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

/// Turns the tokens of the image network into tokens that the blocks of Animate look at: a norm,
/// two linear layers with GELU between them, a norm (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/animate/model_animate.py, `MLPProj`).
public final class PictureProjection {
  private static final double EPSILON = 1e-5;

  private final Ops ops;
  private final Norm before;
  private final Linear in;
  private final Linear out;
  private final Norm after;

  private record Norm(Tensor weight, Tensor bias) {}

  PictureProjection(Weights weights, int dim, Ops ops, LayerLoader layers) {
    this.ops = ops;
    int pictureDim = weights.shape("proj.0.weight", 1).length(0);
    before = norm(weights.at("proj").at(0), pictureDim, layers);
    in = layers.linear(weights, "proj.1", pictureDim, pictureDim);
    out = layers.linear(weights, "proj.3", dim, pictureDim);
    after = norm(weights.at("proj").at(4), dim, layers);
  }

  private static Norm norm(Weights weights, int dim, LayerLoader layers) {
    return new Norm(
        layers.parameters().tensor(weights.tensor("weight", dim), DType.F32),
        layers.parameters().tensor(weights.tensor("bias", dim), DType.F32));
  }

  /// Returns the tokens of a picture, float32 `[image tokens, image dim]` on the backend, as
  /// `[image tokens, dim]` of the activation type in the innermost scope.
  public Tensor project(Tensor picture) {
    Tensor tokens = ops.empty(ops.activation(), picture.length(0), out.outputs());
    try (var _ = ops.scope()) {
      Tensor x = ops.empty(ops.residual(), picture.shape().toArray());
      ops.copy(picture, x);
      Operand rows =
          ops.layerNorm(x, before.weight, before.bias, EPSILON, in.input(Branch.CONDITIONAL));
      Operand hidden = ops.linear(rows, in, Activation.GELU_ERF, out.input(Branch.CONDITIONAL));
      Tensor wide = ops.linear(hidden, out, Activation.NONE);
      Operand normed =
          ops.layerNorm(wide, after.weight, after.bias, EPSILON, OperandFormat.Simple.PLAIN);
      ops.copy(normed.values(), tokens);
    }
    return tokens;
  }
}
