package wan4j.model;

import java.util.List;
import java.util.stream.Stream;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.WeightSharing;
import wan4j.ops.Window;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// The face encoder of Animate: the motion of a face in each frame in, a few tokens for each latent
/// frame out (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/animate/face_blocks.py, `FaceEncoder`).
/// Convolutions over time see the present and the past only, before which the first frame repeats;
/// two of them halve the number of frames. Heads lie side by side in the width, so that they share
/// the later convolutions.
public final class FaceEncoder implements AutoCloseable {
  private final Ops ops;
  private final Parameters parameters;
  private final int heads;
  private final int width;
  private final TimeConvolution split;
  private final List<TimeConvolution> halving;
  private final Linear out;
  private final List<LinearGroup> linears;
  private final Tensor padding; // [1, dim], the token that closes each frame's

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public FaceEncoder(Weights weights, Ops ops) {
    this(weights, ops, WeightSharing.NONE);
  }

  /// Loads the network onto a backend as ranks share its weights; see the other form.
  FaceEncoder(Weights weights, Ops ops, WeightSharing sharing) {
    this.ops = ops;
    parameters = ops.parameters(sharing);
    var layers = new LayerLoader(parameters, PrecisionTable.of(Precision.PLAIN, List.of()));
    try {
      halving =
          Stream.of("conv2.conv", "conv3.conv")
              .map(name ->
                  new TimeConvolution(weights.at(name), ops, parameters, Window.HALVE_TIME, 1))
              .toList();
      width = halving.getFirst().inputs();
      heads = Math.max(1, weights.shape("conv1_local.conv.weight", 3).length(0) / width);
      split =
          new TimeConvolution(weights.at("conv1_local.conv"), ops, parameters, Window.VALID, heads);
      if (split.width() != width
          || halving.stream().anyMatch(c -> c.inputs() != width || c.width() != width)) {
        throw new InputException(
            "%s has convolutions of %d, %d and %d channels; expected heads of one width: use the checkpoint of Animate"
                .formatted(weights, split.width() * heads, width, halving.getLast().width()));
      }
      int dim = weights.shape("out_proj.weight", 2).length(0);
      out = layers.linear(weights, "out_proj", dim, width);
      padding =
          parameters
              .tensor(weights.tensor("padding_tokens", 1, 1, 1, dim), DType.F32)
              .reshape(1, dim);
      linears = List.copyOf(layers.loaded());
      parameters.complete();
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  /// Returns the tokens of a latent frame: one a head, and one that is always the same.
  public int tokens() {
    return heads + 1;
  }

  /// Throws `InputException` unless it takes motion of so many numbers.
  void requireMotion(int numbers) {
    split.require(numbers, width);
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
      Tensor x = split.forward(motion.reshape(frames, 1, 1, motion.length(1)));
      for (TimeConvolution layer : halving) {
        x = layer.forward(x);
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

  /// Frees the weights.
  @Override
  public void close() {
    parameters.close();
  }
}
