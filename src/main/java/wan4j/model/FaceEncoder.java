package wan4j.model;

import java.util.Arrays;
import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// The face encoder of Animate: the motion of a face in each frame in, a few tokens for each latent
/// frame out (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/animate/face_blocks.py, `FaceEncoder`).
/// Convolutions over time see the present and the past only, before which the first frame repeats;
/// two of them halve the number of frames. Heads lie side by side in the width, so that they share
/// the later convolutions.
public final class FaceEncoder implements AutoCloseable {
  private static final double EPSILON = 1e-6;

  private final Ops ops;
  private final Parameters parameters;
  private final int heads;
  private final int width;
  private final Convolution split;
  private final List<Convolution> halving;
  private final Tensor ones;
  private final Tensor zeros;
  private final Linear out;
  private final List<LinearGroup> linears;
  private final Tensor padding; // [1, dim], the token that closes each frame's

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public FaceEncoder(Weights weights, Ops ops) {
    this.ops = ops;
    parameters = ops.parameters();
    var layers = new LayerLoader(parameters, PrecisionTable.of(Precision.PLAIN, List.of()));
    try {
      split = convolution(weights.at("conv1_local.conv"));
      halving =
          List.of(convolution(weights.at("conv2.conv")), convolution(weights.at("conv3.conv")));
      width = halving.getFirst().inputs();
      heads = split.outputs() / width;
      if (split.outputs() % width != 0
          || halving.stream().anyMatch(c -> c.inputs() != width || c.outputs() != width)) {
        throw new InputException(
            "%s has convolutions of %d, %d and %d channels; expected heads of one width: use the checkpoint of Animate"
                .formatted(weights, split.outputs(), width, halving.getLast().outputs()));
      }
      float[] units = new float[width];
      Arrays.fill(units, 1);
      ones = parameters.tensor(TensorSource.of("ones", Tensor.of(units, width)), DType.F32);
      zeros =
          parameters.tensor(
              TensorSource.of("zeros", Tensor.of(new float[width], width)), DType.F32);
      int dim = weights.shape("out_proj.weight").length(0);
      out = layers.linear(weights, "out_proj", dim, width);
      padding =
          parameters
              .tensor(weights.tensor("padding_tokens", 1, 1, 1, dim), DType.F32)
              .reshape(1, dim);
      linears = List.copyOf(layers.loaded());
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  private Convolution convolution(Weights weights) {
    TensorSource weight = weights.tensor("weight");
    Shape shape = weight.shape();
    if (shape.rank() != 3) {
      throw new InputException(
          "%s holds %s with shape %s; expected [outputs, inputs, taps]: use the checkpoint of Animate"
              .formatted(weights, weight.name(), shape));
    }
    return parameters.convolution(weight, weights.tensor("bias", shape.size(0)));
  }

  /// Returns the tokens of a latent frame: one a head, and one that is always the same.
  public int tokens() {
    return heads + 1;
  }

  /// Returns its linear layers.
  List<LinearGroup> linearLayers() {
    return linears;
  }

  /// Returns the bytes that the weights fill on the backend.
  long bytes() {
    return parameters.bytes();
  }

  /// Returns the tokens of motion, float32 `[frames, size]` on the backend, as `[latent frames,
  /// tokens, dim]` of the activation type in the innermost scope: one latent frame for the first
  /// frame and one for each four further ones.
  public Tensor encode(Tensor motion) {
    int frames = motion.length(0);
    int latentFrames = Math.ceilDiv(Math.ceilDiv(frames, 2), 2);
    int dim = out.outputs();
    Tensor tokens = ops.empty(ops.activation(), latentFrames, tokens(), dim);
    try (var _ = ops.scope()) {
      Tensor x = motion.reshape(frames, 1, 1, motion.length(1));
      x = activated(convolved(x, split, Window.VALID).reshape(frames, 1, heads, width));
      for (Convolution layer : halving) {
        x = activated(convolved(x, layer, Window.HALVE_TIME));
      }
      Operand rows =
          ops.operand(x.reshape((long) latentFrames * heads, width), out.input(Branch.CONDITIONAL));
      Tensor own = ops.linear(rows, out, Activation.NONE);
      for (int frame = 0; frame < latentFrames; frame++) {
        Tensor target = tokens.at(frame);
        ops.copy(own.slice((long) frame * heads, heads), target.slice(0, heads));
        ops.copy(padding, target.slice(heads, 1));
      }
    }
    return tokens;
  }

  /// Returns a convolution over time of `x [frames, 1, heads, channels]`, before which the first
  /// frame repeats.
  private Tensor convolved(Tensor x, Convolution layer, Window window) {
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

  /// Returns features, each head's normalised, through SiLU.
  private Tensor activated(Tensor x) {
    Tensor rows = x.reshape(x.count() / width, width);
    Operand normed = ops.layerNorm(rows, ones, zeros, EPSILON, OperandFormat.Simple.PLAIN);
    return ops.activate(normed.values(), Activation.SILU).reshape(x.shape().toArray());
  }

  /// Frees the weights.
  @Override
  public void close() {
    parameters.close();
  }
}
