package wan4j.model;

import java.util.Arrays;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// A convolution over time that sees the present and the past only, before which the first frame
/// repeats; then a norm without weights, and SiLU. Heads lie side by side in the width, so that
/// they share the convolutions after the first one, which makes them (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/s2v/auxi_blocks.py, `CausalConv1d`).
final class TimeConvolution {
  private static final double EPSILON = 1e-6;

  private final Ops ops;
  private final String title;
  private final Convolution layer;
  private final Window window;
  private final int heads;
  private final int width;
  private final Tensor ones; // [width]
  private final Tensor zeros;

  /// Loads `weight [outputs, inputs, taps]` and `bias [outputs]`; the outputs are so many heads.
  /// Throws `InputException` when the weights do not fit.
  TimeConvolution(Weights weights, Ops ops, Parameters parameters, Window window, int heads) {
    this.ops = ops;
    this.window = window;
    this.heads = heads;
    title = weights.toString();
    TensorSource weight = weights.tensor("weight");
    Shape shape = weight.shape();
    if (shape.rank() != 3 || shape.count() == 0 || shape.size(0) % heads != 0) {
      throw new InputException(
          "%s holds %s with shape %s; expected [outputs, inputs, taps], the outputs of %d heads: use the checkpoint that belongs to this configuration"
              .formatted(weights, weight.name(), shape, heads));
    }
    layer = parameters.convolution(weight, weights.tensor("bias", shape.size(0)));
    width = layer.outputs() / heads;
    float[] units = new float[width];
    Arrays.fill(units, 1);
    ones = parameters.tensor(TensorSource.of("ones", Tensor.of(units, width)), DType.F32);
    zeros =
        parameters.tensor(TensorSource.of("zeros", Tensor.of(new float[width], width)), DType.F32);
  }

  /// Throws `InputException` unless it takes so many channels and makes heads of so many.
  void require(int inputs, int wanted) {
    if (inputs() != inputs || width != wanted) {
      throw new InputException(
          "%s has %d channels of %d; expected %d of %d, as the layers around it have them: use the checkpoint that belongs to this configuration"
              .formatted(title, width, inputs(), wanted, inputs));
    }
  }

  /// Returns the channels that it takes.
  int inputs() {
    return layer.inputs();
  }

  /// Returns the channels of a head that it makes.
  int width() {
    return width;
  }

  /// Returns `[frames, 1, side heads, width]` of the activation type for `x [frames, 1, side,
  /// inputs]`, in the innermost scope; frames are halved upward where the window halves them.
  Tensor forward(Tensor x) {
    Tensor y = convolved(x);
    Tensor rows = y.reshape(y.count() / width, width);
    Operand normed = ops.layerNorm(rows, ones, zeros, EPSILON, OperandFormat.Simple.PLAIN);
    return ops.activate(normed.values(), Activation.SILU)
        .reshape(y.length(0), 1, (long) y.length(2) * heads, width);
  }

  private Tensor convolved(Tensor x) {
    int past = layer.time() - 1;
    int frames = x.length(0);
    int side = x.length(2);
    Tensor padded = ops.empty(ops.activation(), (long) past + frames, 1, side, x.length(3));
    for (int i = 0; i < past; i++) {
      ops.copy(x.slice(0, 1), padded.slice(i, 1));
    }
    ops.copy(x, padded.slice(past, frames));
    Tensor y =
        ops.empty(
            ops.activation(), window.frames(past + frames, layer.time()), 1, side, layer.outputs());
    ops.convolution(padded, layer, window, y);
    return y;
  }
}
