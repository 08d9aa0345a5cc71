package wan4j.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
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
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.ComputedSource;
import wan4j.weights.Wav2Vec2Config;
import wan4j.weights.Weights;

/// The speech encoder wav2vec2, as the XLSR checkpoints have it: samples at 16 kHz in, about 50
/// hidden states a second out (huggingface/transformers v4.51.3,
/// models/wav2vec2/modeling_wav2vec2.py). Convolutions turn samples into features, a convolution in
/// groups tells positions apart, and norms stand before the layers of the encoder.
///
/// Every state attends to the whole sound where that is at most ten minutes long. A longer one is
/// encoded in windows of ten minutes that overlap by one; what is kept of each is at least half a
/// minute away from where it was cut.
public final class Wav2Vec2 implements AutoCloseable {
  /// How long a sound is, in seconds, whose states all attend to each other.
  public static final int WHOLE_SECONDS = 600;

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final double VARIANCE_EPSILON = 1e-7; // of samples
  private static final Windows TEN_MINUTES = new Windows(30_000, 1_500, 250);

  private final Ops ops;
  private final Parameters parameters;
  private final Windows windows;
  private final double epsilon;
  private final List<Front> front;
  private final Norm featureNorm;
  private final Linear projection;
  private final Convolution positions;
  private final List<Layer> layers;
  private final Norm norm;
  private final int dim;

  /// Receives hidden states as they are made: `states [rows, dim]` on the backend, which live until
  /// the method returns, are those of entry `entry` from state `first` on. Entry 0 enters the first
  /// layer, entry i what layer i - 1 has made, and the last one is the final norm's.
  @FunctionalInterface
  public interface States {
    /// Takes some states.
    void accept(int entry, int first, Tensor states);
  }

  /// How a long sound is cut: states that attend to each other at most, how many at an end that is
  /// no end of the sound only help others, and of how many states samples pass the front at once.
  record Windows(int longest, int margin, int front) {
    /// Returns the windows of so many states.
    List<Piece> of(int states) {
      if (states <= longest) {
        return List.of(new Piece(0, states, 0, states));
      }
      int step = longest - 2 * margin;
      int count = Math.ceilDiv(states - 2 * margin, step);
      return IntStream.range(0, count)
          .mapToObj(i -> {
            int first = Math.min(i * step, states - longest);
            int kept = i == 0 ? 0 : i * step + margin;
            int end = i == count - 1 ? states : (i + 1) * step + margin;
            return new Piece(first, longest, kept, end - kept);
          })
          .toList();
    }
  }

  /// `length` states from `first` on are encoded together, and `keptLength` from `kept` on kept.
  record Piece(int first, int length, int kept, int keptLength) {
    private Tensor keptOf(Tensor states) {
      return states.slice(kept - first, keptLength);
    }
  }

  private record Norm(Tensor weight, Tensor bias) {}

  /// Loads the network onto a backend; throws `InputException` when the weights do not fit.
  public Wav2Vec2(Wav2Vec2Config config, Weights weights, Ops ops) {
    this(config, weights, ops, TEN_MINUTES);
  }

  Wav2Vec2(Wav2Vec2Config config, Weights weights, Ops ops, Windows windows) {
    this.ops = ops;
    this.windows = windows;
    epsilon = config.epsilon();
    Weights network = weights.at("wav2vec2");
    Weights convolutions = network.at("feature_extractor.conv_layers");
    Weights projected = network.at("feature_projection");
    Weights encoder = network.at("encoder");
    parameters = ops.parameters();
    var loader = new LayerLoader(parameters, PrecisionTable.of(Precision.PLAIN, List.of()));
    try {
      front = new ArrayList<>();
      for (int stride : config.strides()) {
        int inputs = front.isEmpty() ? 1 : front.getLast().outputs();
        front.add(new Front(convolutions.at(front.size()), inputs, stride));
      }
      int features = front.getLast().outputs();
      featureNorm = norm(projected.at("layer_norm"), features);
      dim = projected.shape("projection.weight", 2).length(0);
      if (dim % config.heads() != 0) {
        throw new InputException(
            "%s has states of %d numbers for %d attention heads; expected a multiple: use the config.json that belongs to it"
                .formatted(weights, dim, config.heads()));
      }
      projection = loader.linear(projected, "projection", dim, features);
      positions = positions(encoder.at("pos_conv_embed.conv"), config);
      Weights blocks = encoder.at("layers");
      layers =
          IntStream.range(0, blocks.parts())
              .mapToObj(i -> new Layer(blocks.at(i), config.heads(), loader))
              .toList();
      norm = norm(encoder.at("layer_norm"), dim);
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  private Norm norm(Weights weights, long size) {
    return new Norm(
        parameters.tensor(weights.tensor("weight", size), DType.F32),
        parameters.tensor(weights.tensor("bias", size), DType.F32));
  }

  /// Loads the convolution of positions, whose weight is stored as a direction and a length for
  /// each tap, under the names of either PyTorch.
  private Convolution positions(Weights weights, Wav2Vec2Config config) {
    boolean isNew = weights.has("parametrizations.weight.original0");
    TensorSource lengths = weights.tensor(isNew ? "parametrizations.weight.original0" : "weight_g");
    TensorSource directions =
        weights.tensor(isNew ? "parametrizations.weight.original1" : "weight_v");
    Shape shape = directions.shape();
    if (shape.rank() != 3
        || shape.count() == 0
        || shape.size(0) != dim
        || shape.size(1) * config.groups() != dim
        || !lengths.shape().equals(Shape.of(1, 1, shape.size(2)))) {
      throw new InputException(
          "%s holds %s with shape %s and lengths %s; expected [%d, %d / %d, taps] and [1, 1, taps]: use the checkpoint that belongs to this configuration"
              .formatted(
                  weights, directions.name(), shape, lengths.shape(), dim, dim, config.groups()));
    }
    TensorSource weight =
        new ComputedSource(
            directions.name(),
            shape,
            () -> normed(directions.load().toFloats(), lengths.load().toFloats()));
    return parameters.convolution(weight, weights.tensor("bias", dim), config.groups());
  }

  /// Returns directions, the tap fastest, at the lengths that each tap has.
  private static float[] normed(float[] directions, float[] lengths) {
    int taps = lengths.length;
    double[] squares = new double[taps];
    for (int i = 0; i < directions.length; i++) {
      squares[i % taps] += (double) directions[i] * directions[i];
    }
    float[] weight = new float[directions.length];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = (float) (directions[i] * (lengths[i % taps] / Math.sqrt(squares[i % taps])));
    }
    return weight;
  }

  /// Returns the size of a state.
  public int dim() {
    return dim;
  }

  /// Returns how many hidden states there are of each moment: one more than layers.
  public int entries() {
    return layers.size() + 1;
  }

  /// Returns how many states so many samples have; 0 where they are too few.
  public int states(long samples) {
    long states = samples;
    for (Front layer : front) {
      states = layer.frames(states);
    }
    return Math.toIntExact(states);
  }

  /// Says whether so many samples are more than attend to each other, so that states are not quite
  /// those of one pass.
  public boolean isCut(long samples) {
    return states(samples) > windows.longest;
  }

  /// Computes all hidden states of host float32 `samples [count]`, mono at 16 kHz; throws
  /// `InputException` when they are too few for one.
  public void encode(Tensor samples, States states) {
    Voice voice = voice(samples);
    for (Piece piece : windows.of(states(samples.count()))) {
      encode(voice, piece, states);
    }
  }

  /// Returns the sum of each moment's hidden states times `factors [entries]`, as host float32
  /// `[states, dim]`; no two entries are held at once. Of a sound with more than `wanted` states
  /// the first ones alone are returned, and windows without any of them not encoded. Throws
  /// `InputException` as `encode` does.
  public Tensor mix(Tensor samples, double[] factors, int wanted) {
    Voice voice = voice(samples);
    int count = Math.min(states(samples.count()), wanted);
    long row = (long) dim * Float.BYTES;
    MemorySegment mixed = Arena.ofAuto().allocate(count * row, Float.BYTES);
    for (Piece piece : windows.of(states(samples.count()))) {
      if (piece.kept >= count) {
        break;
      }
      try (var _ = ops.scope()) {
        Tensor sum = ops.empty(DType.F32, piece.keptLength, dim);
        ops.clear(sum);
        encode(
            voice,
            piece,
            (entry, _, states) ->
                ops.linearCombination(sum, new double[] {1, factors[entry]}, List.of(sum, states)));
        int kept = Math.min(piece.keptLength, count - piece.kept);
        mixed
            .asSlice(piece.kept * row, kept * row)
            .copyFrom(ops.download(sum.slice(0, kept)).segment());
      }
    }
    return new Tensor(Shape.of(count, dim), DType.F32, new HostStorage(mixed));
  }

  private void encode(Voice samples, Piece piece, States states) {
    try (var _ = ops.scope()) {
      Tensor x = ops.empty(ops.residual(), piece.length, dim);
      for (int first = 0; first < piece.length; first += windows.front) {
        int length = Math.min(windows.front, piece.length - first);
        features(samples, piece.first + first, x.slice(first, length));
      }
      addPositions(x);
      for (int i = 0; i < layers.size(); i++) {
        states.accept(i, piece.kept, piece.keptOf(x));
        layers.get(i).forward(x);
      }
      Tensor last = normed(x, norm, OperandFormat.Simple.FLOAT32).values();
      states.accept(layers.size(), piece.kept, piece.keptOf(last));
    }
  }

  /// Writes what enters the encoder, without positions, for states from `first` on to `target
  /// [states, dim]`.
  private void features(Voice samples, int first, Tensor target) {
    int from = first;
    int count = target.length(0);
    for (Front layer : front.reversed()) {
      from *= layer.stride;
      count = layer.inputs(count);
    }
    try (var _ = ops.scope()) {
      Tensor x = ops.upload(Tensor.of(samples.normalised(from, count), count, 1), DType.F32);
      for (Front layer : front) {
        x = layer.forward(x);
      }
      Operand features = normed(x, featureNorm, projection.input(Branch.CONDITIONAL));
      ops.linear(features, projection, target);
    }
  }

  /// Adds what the convolution over neighbouring states gives to each.
  private void addPositions(Tensor x) {
    int taps = positions.time();
    int length = x.length(0);
    try (var _ = ops.scope()) {
      Tensor padded = ops.empty(ops.activation(), length + taps - 1L, 1, 1, dim);
      ops.clear(padded);
      ops.copy(x, padded.slice(taps / 2, length));
      Tensor y = ops.empty(ops.activation(), length, 1, 1, dim);
      ops.convolution(padded, positions, Window.VALID, y);
      ops.add(x, ops.activate(y, Activation.GELU_ERF).reshape(length, dim));
    }
  }

  private Operand normed(Tensor x, Norm with, OperandFormat want) {
    return ops.layerNorm(x, with.weight, with.bias, epsilon, want);
  }

  /// Frees the weights.
  @Override
  public void close() {
    parameters.close();
  }

  /// Samples, which become normal as they are read, so that those of hours are not held twice.
  private record Voice(MemorySegment samples, double mean, double factor) {
    /// Returns samples from number `from` on with the whole's mean at 0 and deviation at 1
    /// (feature_extraction_wav2vec2.py).
    float[] normalised(int from, int count) {
      float[] normalised = new float[count];
      for (int i = 0; i < count; i++) {
        normalised[i] = (float) ((samples.getAtIndex(FLOAT, (long) from + i) - mean) * factor);
      }
      return normalised;
    }
  }

  private Voice voice(Tensor waveform) {
    int count = Math.toIntExact(waveform.count());
    if (states(count) == 0) {
      throw new InputException(
          "the sound has %d samples at 16 kHz; expected at least the %d of which wav2vec2 makes a state: give a longer sound"
              .formatted(count, fewestSamples()));
    }
    MemorySegment samples = waveform.segment();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += samples.getAtIndex(FLOAT, i);
    }
    double mean = sum / count;
    double squares = 0;
    for (int i = 0; i < count; i++) {
      double distance = samples.getAtIndex(FLOAT, i) - mean;
      squares += distance * distance;
    }
    return new Voice(samples, mean, 1 / Math.sqrt(squares / count + VARIANCE_EPSILON));
  }

  private int fewestSamples() {
    int count = 1;
    for (Front layer : front.reversed()) {
      count = layer.inputs(count);
    }
    return count;
  }

  /// A convolution of the front, then norm and GELU, in float32: rounded to bfloat16 these seven
  /// alone would put the states off by a hundredth.
  ///
  /// A window of taps starts at a multiple of the stride and ends within the next one, so that the
  /// convolution is a product with rows of `stride` frames and one with the rows after them.
  private final class Front {
    private final int taps;
    private final int stride;
    private final int channels;
    private final Linear first;
    private final Linear second; // null where the taps are no more than the stride
    private final Norm norm;

    Front(Weights weights, int inputs, int stride) {
      TensorSource kernel = weights.tensor("conv.weight");
      Shape shape = kernel.shape();
      if (shape.rank() != 3
          || shape.count() == 0
          || shape.size(1) != inputs
          || shape.size(2) > 2L * stride) {
        throw new InputException(
            "%s holds %s with shape %s; expected [outputs, %d, taps] with at most two strides of %d taps: use the config.json that belongs to it"
                .formatted(weights, kernel.name(), shape, inputs, stride));
      }
      this.stride = stride;
      channels = shape.length(1);
      taps = shape.length(2);
      TensorSource bias = weights.tensor("conv.bias", shape.size(0));
      first = product(kernel, 0, List.of(bias));
      second = taps > stride ? product(kernel, stride, List.of()) : null;
      norm = norm(weights.at("layer_norm"), shape.size(0));
    }

    /// Loads the taps from number `from` on of one stride, zeros where there are fewer.
    private Linear product(TensorSource kernel, int from, List<TensorSource> biases) {
      int outputs = kernel.shape().length(0);
      int columns = stride * channels;
      TensorSource weight =
          new ComputedSource(
              kernel.name(),
              Shape.of(outputs, columns),
              () -> {
                float[] stored = kernel.load().toFloats();
                float[] rows = new float[outputs * columns];
                for (int output = 0; output < outputs; output++) {
                  for (int tap = from; tap < Math.min(taps, from + stride); tap++) {
                    for (int input = 0; input < channels; input++) {
                      rows[output * columns + (tap - from) * channels + input] =
                          stored[(output * channels + input) * taps + tap];
                    }
                  }
                }
                return rows;
              });
      return parameters.linear(List.of(weight), biases, Precision.FLOAT32);
    }

    int outputs() {
      return first.outputs();
    }

    /// Returns how many frames so many outputs come from.
    int inputs(int frames) {
      return (frames - 1) * stride + taps;
    }

    /// Returns how many outputs so many frames have; 0 where they are too few.
    long frames(long inputs) {
      return inputs < taps ? 0 : (inputs - taps) / stride + 1;
    }

    /// Returns features `[frames, outputs]` of `x [inputs, channels]`.
    Tensor forward(Tensor x) {
      int frames = Math.toIntExact(frames(x.length(0)));
      Tensor y = ops.empty(DType.F32, frames, outputs());
      try (var _ = ops.scope()) {
        Tensor rows = rows(x, frames + (second == null ? 0 : 1));
        ops.linear(new Operand.Plain(rows.slice(0, frames)), first, y);
        if (second != null) {
          ops.add(y, ops.linear(new Operand.Plain(rows.slice(1, frames)), second, Activation.NONE));
        }
      }
      return ops.activate(
          normed(y, norm, OperandFormat.Simple.FLOAT32).values(), Activation.GELU_ERF);
    }

    /// Returns the first frames as so many rows of one stride, zeros behind the last.
    private Tensor rows(Tensor x, int count) {
      int needed = count * stride;
      if (x.length(0) >= needed) {
        return x.slice(0, needed).reshape(count, (long) stride * channels);
      }
      Tensor padded = ops.empty(DType.F32, needed, channels);
      ops.clear(padded);
      ops.copy(x, padded.slice(0, x.length(0)));
      return padded.reshape(count, (long) stride * channels);
    }
  }

  /// A layer of the encoder: self-attention and feed-forward, each behind a norm.
  private final class Layer {
    private final int heads;
    private final Norm attentionNorm;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear out;
    private final Norm feedForwardNorm;
    private final Linear up;
    private final Linear down;

    Layer(Weights weights, int heads, LayerLoader layers) {
      this.heads = heads;
      int wide = weights.shape("feed_forward.intermediate_dense.weight", 2).length(0);
      attentionNorm = norm(weights.at("layer_norm"), dim);
      query = layers.linear(weights, "attention.q_proj", dim, dim);
      key = layers.linear(weights, "attention.k_proj", dim, dim);
      value = layers.linear(weights, "attention.v_proj", dim, dim);
      out = layers.linear(weights, "attention.out_proj", dim, dim);
      feedForwardNorm = norm(weights.at("final_layer_norm"), dim);
      up = layers.linear(weights, "feed_forward.intermediate_dense", wide, dim);
      down = layers.linear(weights, "feed_forward.output_dense", dim, wide);
    }

    void forward(Tensor x) {
      try (var _ = ops.scope()) {
        Operand h = normed(x, attentionNorm, query.input(Branch.CONDITIONAL));
        Heads parts = new Heads(heads(h, query), heads(h, key), heads(h, value));
        double scale = 1 / Math.sqrt(parts.query().length(2));
        Operand a = ops.attention(parts, scale, out.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(a, out, Activation.NONE));
      }
      try (var _ = ops.scope()) {
        Operand h = normed(x, feedForwardNorm, up.input(Branch.CONDITIONAL));
        Operand wide = ops.linear(h, up, Activation.GELU_ERF, down.input(Branch.CONDITIONAL));
        ops.add(x, ops.linear(wide, down, Activation.NONE));
      }
    }

    private Tensor heads(Operand x, Linear layer) {
      Tensor y = ops.linear(x, layer, Activation.NONE);
      return y.reshape(y.length(0), heads, dim / heads);
    }
  }
}
