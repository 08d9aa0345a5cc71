package wan4j.model;

import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Window;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The audio encoder of speech to video: hidden states of the speech network for each frame in, for
/// each latent frame a few tokens and one vector out (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/s2v/audio_utils.py, `CausalAudioEncoder`, and auxi_blocks.py, `MotionEncoder_tc`).
/// The tokens and the vector share all convolutions but the first.
public final class CausalAudioEncoder {
  private static final String NAME = "casual_audio_encoder"; // as the checkpoints spell it
  private static final String MIX = "weights";

  private final Ops ops;
  private final Weights weights;
  private final int channels;
  private final int layers;
  private final int tokens;
  private final TimeConvolution local;
  private final TimeConvolution global;
  private final List<TimeConvolution> halving;
  private final Linear globalOut;
  private final Tensor padding; // [1, dim], the token that closes each frame's

  /// What the sound of a clip's latent frames is, in the activation type.
  ///
  /// @param global a vector for each frame, `[frames, dim]`
  /// @param local the tokens of each frame, `[frames, tokens, dim]`
  public record Encoded(Tensor global, Tensor local) {}

  /// Loads the encoder of a transformer.
  CausalAudioEncoder(
      TransformerConfig config, Weights transformer, Ops ops, LayerLoader layerLoader) {
    this.ops = ops;
    weights = transformer.at(NAME);
    SpeechConfig speech = config.speech();
    channels = speech.soundDim();
    layers = speech.soundLayers();
    tokens = speech.soundTokens();
    int dim = config.dim();
    weights.tensor(MIX, 1, layers, 1, 1); // read when states are to be mixed
    Weights encoder = weights.at("encoder");
    var parameters = layerLoader.parameters();
    local =
        new TimeConvolution(encoder.at("conv1_local.conv"), ops, parameters, Window.VALID, tokens);
    global = new TimeConvolution(encoder.at("conv1_global.conv"), ops, parameters, Window.VALID, 1);
    halving =
        List.of(
            new TimeConvolution(encoder.at("conv2.conv"), ops, parameters, Window.HALVE_TIME, 1),
            new TimeConvolution(encoder.at("conv3.conv"), ops, parameters, Window.HALVE_TIME, 1));
    for (TimeConvolution first : List.of(local, global)) {
      first.require(channels, halving.getFirst().inputs());
    }
    halving.getFirst().require(halving.getFirst().inputs(), halving.getLast().inputs());
    halving.getLast().require(halving.getLast().inputs(), dim);
    globalOut = layerLoader.linear(encoder, "final_linear", dim, dim);
    padding =
        parameters
            .tensor(encoder.tensor("padding_tokens", 1, 1, 1, dim), DType.F32)
            .reshape(1, dim);
  }

  /// Returns how much each hidden state of the speech network counts for a transformer, from the
  /// input of the first layer on; they sum to 1.
  public static double[] mix(Weights transformer) {
    return factors(transformer.at(NAME));
  }

  private static double[] factors(Weights weights) {
    float[] stored = weights.tensor(MIX).load().toFloats();
    double[] factors = new double[stored.length];
    double sum = 0;
    for (int i = 0; i < factors.length; i++) {
      factors[i] = stored[i] / (1 + Math.exp(-stored[i])); // SiLU
      sum += factors[i];
    }
    for (int i = 0; i < factors.length; i++) {
      factors[i] /= sum;
    }
    return factors;
  }

  /// Returns how many tokens a latent frame sees.
  public int tokens() {
    return tokens + 1;
  }

  /// Encodes host float32 `sound [layers, channels, frames]`, or `[1, channels, frames]` that is
  /// mixed already, and returns the last `latentFrames` latent frames in the innermost scope; four
  /// frames make one.
  public Encoded encode(Tensor sound, int latentFrames) {
    boolean isMixed = sound.shape().rank() == 3 && sound.length(0) == 1;
    int frames = sound.length(-1);
    int made = Math.ceilDiv(Math.ceilDiv(frames, 2), 2);
    if (!sound.shape().equals(Shape.of(isMixed ? 1 : layers, channels, frames))
        || made < latentFrames) {
      throw new IllegalArgumentException(
          "got sound %s for %d latent frames; expected [%d or 1, %d, frames], and four frames for each"
              .formatted(sound, latentFrames, layers, channels));
    }
    int dim = globalOut.outputs();
    Tensor vectors = ops.empty(ops.activation(), latentFrames, dim);
    Tensor rows = ops.empty(ops.activation(), latentFrames, tokens(), dim);
    try (var _ = ops.scope()) {
      Tensor mixed =
          Tensor.deferred(DType.F32, Shape.of(frames, 1, 1, channels), () -> mixed(sound));
      Tensor x = ops.upload(mixed, DType.F32);
      long first = (long) made - latentFrames;

      Tensor heard = encoded(local, x).reshape(made, tokens, dim);
      for (int frame = 0; frame < latentFrames; frame++) {
        ops.copy(heard.at(first + frame), rows.at(frame).slice(0, tokens));
        ops.copy(padding, rows.at(frame).slice(tokens, 1));
      }

      Tensor whole = encoded(global, x).reshape(made, dim).slice(first, latentFrames);
      Operand input = ops.operand(whole, globalOut.input(Branch.CONDITIONAL));
      ops.copy(ops.linear(input, globalOut, Activation.NONE), vectors);
    }
    return new Encoded(vectors, rows);
  }

  private Tensor encoded(TimeConvolution first, Tensor x) {
    Tensor y = first.forward(x);
    for (TimeConvolution layer : halving) {
      y = layer.forward(y);
    }
    return y;
  }

  /// Returns the sum of the layers, each times its factor, frame by frame.
  private Tensor mixed(Tensor sound) {
    float[] states = sound.toFloats();
    int frames = sound.length(2);
    double[] factors = sound.length(0) == 1 ? new double[] {1} : factors(weights);
    float[] rows = new float[frames * channels];
    for (int frame = 0; frame < frames; frame++) {
      for (int channel = 0; channel < channels; channel++) {
        double sum = 0;
        for (int layer = 0; layer < factors.length; layer++) {
          sum += factors[layer] * states[(layer * channels + channel) * frames + frame];
        }
        rows[frame * channels + channel] = (float) sum;
      }
    }
    return Tensor.of(rows, frames, 1, 1, channels);
  }
}
