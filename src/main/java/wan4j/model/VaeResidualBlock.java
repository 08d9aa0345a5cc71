package wan4j.model;

import wan4j.model.CausalConvolution.Kernel;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// Norm, SiLU, causal convolution, twice, beside a shortcut that is the identity or a 1 x 1 x 1
/// convolution.
final class VaeResidualBlock implements VaeLayer {
  private final Ops ops;
  private final Tensor norm1;
  private final CausalConvolution convolution1;
  private final Tensor norm2;
  private final CausalConvolution convolution2;
  private final CausalConvolution shortcut; // null when the channels stay

  VaeResidualBlock(Weights weights, Ops ops, Parameters parameters) {
    this.ops = ops;
    convolution1 =
        new CausalConvolution(weights, "residual.2", ops, parameters, Kernel.CUBE, Window.SAME_3X3);
    convolution2 =
        new CausalConvolution(weights, "residual.6", ops, parameters, Kernel.CUBE, Window.SAME_3X3);
    norm1 = gamma(weights, "residual.0.gamma", convolution1.inputs(), parameters);
    norm2 = gamma(weights, "residual.3.gamma", convolution2.inputs(), parameters);
    shortcut =
        weights.has("shortcut.weight")
            ? new CausalConvolution(
                weights, "shortcut", ops, parameters, Kernel.POINT, Window.VALID)
            : null;
  }

  /// Loads the factors of a norm, one a channel, whatever axes of size 1 they have beside; throws
  /// `InputException` when they are more or fewer.
  static Tensor gamma(Weights weights, String name, int channels, Parameters parameters) {
    TensorSource source = weights.tensor(name);
    if (source.shape().rank() == 0 || source.shape().count() != channels) {
      throw new InputException(
          "%s holds %s with shape %s; expected %d numbers: use the autoencoder of Wan2.1 or Wan2.2"
              .formatted(weights.title(), weights.path(name), source.shape(), channels));
    }
    return parameters.tensor(source, DType.F32).reshape(channels);
  }

  @Override
  public int channels(int inputs) {
    int outputs = convolution2.channels(convolution1.channels(inputs));
    return shortcut == null
        ? convolution2.channels(convolution2.inputs(), inputs)
        : shortcut.channels(inputs, outputs);
  }

  @Override
  public Extent begin(Extent extent, PieceRelay pieces) {
    convolution1.begin(extent, pieces);
    convolution2.begin(extent, pieces);
    if (shortcut != null) {
      shortcut.begin(extent, pieces);
    }
    return extent;
  }

  @Override
  public long[] output(Tensor x) {
    return x.shape().with(3, convolution2.outputs()).toArray();
  }

  @Override
  public void forward(Tensor x, Tensor target) {
    int frames = x.length(0);
    int height = x.length(1);
    int width = x.length(2);
    Tensor second = convolution2.withHistory(frames, height, width);
    try (var _ = ops.scope()) {
      Tensor first = convolution1.withHistory(frames, height, width);
      ops.channelNorm(x, norm1, true, convolution1.fresh(first));
      convolution1.applyNormalised(first, norm2, convolution2.fresh(second));
    }
    Tensor identity = x;
    if (shortcut != null) {
      shortcut.forward(x, target);
      identity = target;
    }
    convolution2.apply(second, identity, target);
  }
}
