package wan4j.model;

import static wan4j.model.LatentGrid.TIME_STRIDE;

import java.util.List;
import java.util.function.UnaryOperator;
import wan4j.model.CausalConvolution.Kernel;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// What the two autoencoders of Wan have in common: the convolutions at both ends, the latents'
/// normalisation, and the walk over a video in pieces.
final class VaeFrame {
  private static final int HALVINGS = 3; // of height and width, beside the folding of pixels

  private final Ops ops;
  private final int channels;
  private final Tensor encodeFactor;
  private final Tensor encodeOffset;
  private final Tensor decodeFactor;
  private final Tensor decodeOffset;
  private final Tensor one;
  private final Tensor zero;
  private final CausalConvolution latentIn;
  private final CausalConvolution latentOut;
  private final Side encoder;
  private final Side decoder;
  private long pixelsPerPiece = VideoAutoencoder.USUAL_PIECE;
  private Collectives ranks; // null for one

  /// The mean and standard deviation of each latent channel.
  @SuppressWarnings("ArrayRecordComponent") // constants of a network, never compared
  record Normalisation(float[] mean, float[] deviation) {}

  /// Loads what is around the layers of both sides, of pixels of so many features each; throws
  /// `InputException` when the weights do not fit each other.
  VaeFrame(
      Ops ops,
      Parameters parameters,
      Weights weights,
      int pixel,
      Normalisation normalisation,
      List<VaeLayer> encoder,
      List<VaeLayer> decoder) {
    this.ops = ops;
    channels = normalisation.mean().length;
    float[] factor = new float[2 * channels];
    float[] offset = new float[2 * channels];
    for (int i = 0; i < channels; i++) {
      factor[i] = 1 / normalisation.deviation()[i];
      offset[i] = -normalisation.mean()[i] * factor[i];
    }
    encodeFactor = constant(parameters, factor);
    encodeOffset = constant(parameters, offset);
    decodeFactor = constant(parameters, normalisation.deviation());
    decodeOffset = constant(parameters, normalisation.mean());
    one = constant(parameters, new float[] {1, 1, 1});
    zero = constant(parameters, new float[] {0, 0, 0});
    latentOut =
        new CausalConvolution(weights, "conv1", ops, parameters, Kernel.POINT, Window.VALID);
    latentIn = new CausalConvolution(weights, "conv2", ops, parameters, Kernel.POINT, Window.VALID);
    this.encoder = new Side(weights.at("encoder"), encoder, parameters);
    this.decoder = new Side(weights.at("decoder"), decoder, parameters);
    requireHalvings(weights, "encoder");
    requireHalvings(weights, "decoder");
    this.encoder.require(pixel, 2 * channels);
    latentOut.channels(2 * channels, 2 * channels);
    latentIn.channels(channels, channels);
    this.decoder.require(channels, pixel);
  }

  /// Throws `InputException` unless a side halves or doubles the sizes and the number of frames as
  /// often as both autoencoders do.
  private static void requireHalvings(Weights weights, String side) {
    List<String> names = weights.at(side).names();
    long inSpace = names.stream().filter(name -> name.endsWith("resample.1.weight")).count();
    long inTime = names.stream().filter(name -> name.endsWith("time_conv.weight")).count();
    if (inSpace != HALVINGS || 1L << inTime != TIME_STRIDE) {
      throw new InputException(
          "%s has an %s which changes sizes %d times and the number of frames %d times; expected %d and 2 times: use the autoencoder of Wan2.1 or Wan2.2"
              .formatted(weights, side, inSpace, inTime, HALVINGS));
    }
  }

  /// Returns the residual, attention and residual block between the two halves of either side.
  static List<VaeLayer> middle(Weights weights, Ops ops, Parameters parameters) {
    return List.of(
        new VaeResidualBlock(weights.at(0), ops, parameters),
        new VaeAttentionBlock(weights.at(1), ops, parameters),
        new VaeResidualBlock(weights.at(2), ops, parameters));
  }

  private static Tensor constant(Parameters parameters, float[] values) {
    return parameters.tensor(
        wan4j.tensor.TensorSource.of("constant", Tensor.of(values, values.length)), DType.F32);
  }

  /// Sets how many pixels, of all its frames, a piece holds.
  void cutInto(long pixels) {
    pixelsPerPiece = pixels;
  }

  /// Lets ranks take the pieces of a video in turn from now on; null for one that takes all.
  void shareWith(Collectives others) {
    ranks = others;
  }

  /// Encodes `[3, frames, height, width]`; `fold` turns pixels into the first convolution's
  /// features.
  Tensor encode(Tensor video, int stride, UnaryOperator<Tensor> fold) {
    int latentFrames = LatentGrid.latentFrames(video.length(1));
    int height = video.length(2) / stride;
    int width = video.length(3) / stride;
    Tensor latents = ops.empty(DType.F32, channels, latentFrames, height, width);
    try (var _ = ops.scope()) {
      Tensor pixels = fold.apply(ops.channelsLast(video, one, zero));
      Tensor encoded = ops.empty(ops.activation(), latentFrames, height, width, 2L * channels);
      Walk walk = new Walk(latentFrames, (long) video.length(2) * video.length(3));
      encoder.begin(pixels.length(1), pixels.length(2), walk.relay());
      walk.forEach((first, count) -> {
        int frame = first == 0 ? 0 : LatentGrid.videoFrames(first);
        int frames = first == 0 ? 1 : TIME_STRIDE * count;
        encoder.forward(pixels.slice(frame, frames), encoded.slice(first, count));
      });
      walk.gather(encoded);
      latentOut.beginWithoutHistory();
      Tensor moments = latentOut.outputFor(encoded);
      latentOut.apply(encoded, moments);
      Tensor normalised = ops.channelsFirst(moments, encodeFactor, encodeOffset);
      ops.copy(normalised.slice(0, channels), latents); // means only
    }
    return latents;
  }

  /// Decodes latents; `unfold` turns the last convolution's features into pixels.
  void decode(
      Tensor latents, int stride, VideoAutoencoder.FrameSink sink, UnaryOperator<Tensor> unfold) {
    try (var _ = ops.scope()) {
      Tensor features = ops.channelsLast(latents, decodeFactor, decodeOffset);
      latentIn.beginWithoutHistory();
      Tensor z = latentIn.outputFor(features);
      latentIn.apply(features, z);
      Walk walk =
          new Walk(z.length(0), (long) latents.length(2) * latents.length(3) * stride * stride);
      VaeLayer.Extent extent = decoder.begin(z.length(1), z.length(2), walk.relay());
      PieceTask task =
          (first, count) -> {
            int frame = first == 0 ? 0 : LatentGrid.videoFrames(first);
            int made = first == 0 ? 1 : TIME_STRIDE * count;
            try (var _ = ops.scope()) {
              Tensor decoded =
                  ops.empty(
                      ops.activation(), made, extent.height(), extent.width(), decoder.outputs());
              decoder.forward(z.slice(first, count), decoded);
              sink.accept(frame, unfold.apply(decoded));
            }
          };
      walk.forEachRound(task, sink::endRound);
    }
  }

  /// Latent frames from `first` on.
  private interface PieceTask {
    void run(int first, int count);
  }

  /// A way over a video: its first frame, then this rank's pieces of the others.
  private final class Walk {
    private final List<List<PieceTurns.Piece>> rounds; // empty for a rank that takes all pieces
    private final List<PieceTurns.Piece> own;
    private final PieceRelay relay;

    Walk(int latentFrames, long pixels) {
      int most = Math.toIntExact(Math.clamp(pixelsPerPiece / (TIME_STRIDE * pixels), 1, 16));
      rounds =
          ranks == null
              ? List.of()
              // larger pieces than one rank's, since each costs an exchange
              : PieceTurns.rounds(latentFrames, ranks.ranks(), 2 * most);
      own =
          rounds.isEmpty()
              ? PieceTurns.alone(latentFrames, most)
              : rounds.stream().map(round -> round.get(ranks.rank())).toList();
      relay = rounds.isEmpty() ? PieceRelay.ALONE : new PieceRelay.InTurn(ranks);
    }

    PieceRelay relay() {
      return relay;
    }

    void forEach(PieceTask task) {
      if (relay.takesFirst()) {
        task.run(0, 1);
      }
      if (relay instanceof PieceRelay.InTurn turns) {
        turns.turnsBegin();
      }
      own.forEach(piece -> task.run(piece.first(), piece.count()));
    }

    /// Does the same round by round; where ranks do not take turns, all is the first one's work.
    void forEachRound(PieceTask task, Runnable end) {
      boolean takesAll = rounds.isEmpty() && (ranks == null || ranks.rank() == 0);
      if (takesAll || (!rounds.isEmpty() && relay.takesFirst())) {
        task.run(0, 1);
      }
      end.run();
      if (relay instanceof PieceRelay.InTurn turns) {
        turns.turnsBegin();
      }
      for (PieceTurns.Piece piece : own) {
        if (takesAll || !rounds.isEmpty()) {
          task.run(piece.first(), piece.count());
        }
        end.run();
      }
    }

    /// Completes `all [latent frames, …]`, of which each rank has made its pieces.
    void gather(Tensor all) {
      if (rounds.isEmpty()) {
        return;
      }
      ranks.broadcast(0, all.slice(0, 1));
      for (List<PieceTurns.Piece> round : rounds) {
        List<Tensor> parts =
            round.stream().map(piece -> all.slice(piece.first(), piece.count())).toList();
        ranks.allGather(parts.get(ranks.rank()), parts);
      }
    }
  }

  /// The encoder or the decoder: a convolution, layers, and a norm with the last convolution.
  private final class Side {
    private final CausalConvolution in;
    private final List<VaeLayer> layers;
    private final Tensor norm;
    private final CausalConvolution out;

    Side(Weights weights, List<VaeLayer> layers, Parameters parameters) {
      this.layers = layers;
      in = new CausalConvolution(weights, "conv1", ops, parameters, Kernel.CUBE, Window.SAME_3X3);
      out = new CausalConvolution(weights, "head.2", ops, parameters, Kernel.CUBE, Window.SAME_3X3);
      norm = VaeResidualBlock.gamma(weights, "head.0.gamma", out.inputs(), parameters);
    }

    int outputs() {
      return out.outputs();
    }

    /// Throws `InputException` unless this side makes so many channels of so many.
    void require(int inputs, int outputs) {
      int width = in.channels(inputs);
      for (VaeLayer layer : layers) {
        width = layer.channels(width);
      }
      out.channels(width, outputs);
    }

    VaeLayer.Extent begin(int height, int width, PieceRelay pieces) {
      VaeLayer.Extent extent = new VaeLayer.Extent(height, width);
      in.begin(extent, pieces);
      for (VaeLayer layer : layers) {
        extent = layer.begin(extent, pieces);
      }
      out.begin(extent, pieces);
      return extent;
    }

    void forward(Tensor x, Tensor target) {
      try (var _ = ops.scope()) {
        Tensor h = in.outputFor(x);
        try (var _ = ops.scope()) {
          in.forward(x, h);
        }
        h = VaeLayer.forward(layers, ops, h, true);
        Tensor joined = out.withHistory(h.length(0), h.length(1), h.length(2));
        ops.channelNorm(h, norm, true, out.fresh(joined));
        out.apply(joined, target);
      }
    }
  }
}
