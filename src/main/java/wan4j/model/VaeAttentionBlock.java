package wan4j.model;

import wan4j.model.CausalConvolution.Kernel;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// Attention with one head among the positions of each frame, added to its input.
final class VaeAttentionBlock implements VaeLayer {
  private final Ops ops;
  private final Tensor norm;
  private final CausalConvolution queryKeyValue;
  private final CausalConvolution projection;

  VaeAttentionBlock(Weights weights, Ops ops, Parameters parameters) {
    this.ops = ops;
    queryKeyValue =
        new CausalConvolution(weights, "to_qkv", ops, parameters, Kernel.POINT, Window.VALID);
    projection =
        new CausalConvolution(weights, "proj", ops, parameters, Kernel.POINT, Window.VALID);
    norm = VaeResidualBlock.gamma(weights, "norm.gamma", queryKeyValue.inputs(), parameters);
  }

  @Override
  public int channels(int inputs) {
    queryKeyValue.channels(inputs, 3 * inputs);
    return projection.channels(inputs, inputs);
  }

  @Override
  public Extent begin(Extent extent, PieceRelay pieces) {
    queryKeyValue.begin(extent, pieces);
    projection.begin(extent, pieces);
    return extent;
  }

  @Override
  public long[] output(Tensor x) {
    return x.shape().toArray();
  }

  @Override
  public void forward(Tensor x, Tensor target) {
    Tensor normalised = ops.empty(ops.activation(), output(x));
    ops.channelNorm(x, norm, false, normalised);
    Tensor qkv = queryKeyValue.outputFor(normalised);
    queryKeyValue.apply(normalised, qkv);
    projection.apply(ops.frameAttention(qkv), x, target);
  }
}
