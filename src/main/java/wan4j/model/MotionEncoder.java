package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.WeightSharing;
import wan4j.ops.Window;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.ComputedSource;
import wan4j.weights.Weights;

/// The motion encoder of Animate, that of LIA: a picture of a face in, what its expression adds to
/// others out, a sum of twenty orthogonal directions (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/animate/motion_encoder.py).
///
/// What surrounds its convolutions there is part of their weights here, folded while they are
/// loaded: the factors of equalised weights, the square root of two behind each leaky ReLU and
/// before each sum, and the blur in front of strides, which makes kernels of 3 x 3 ones of 6 x 6
/// and those of shortcuts ones of 4 x 4.
public final class MotionEncoder implements AutoCloseable {
  private static final int BATCH = 8; // faces that pass the convolutions together
  private static final int TOGETHER = 64; // kernels that are spread by a blur side by side
  private static final double ROOT = Math.sqrt(2);
  private static final Window HALVE_6X6 = new Window(1, 2, 2, 2, 2, 2);
  private static final Window HALVE_4X4 = new Window(1, 2, 1, 1, 1, 1);

  private static final int COLOURS = 3;

  private final Ops ops;
  private final Parameters parameters;
  private final Convolution first;
  private final List<Block> blocks;
  private final Convolution last;
  private final List<Linear> coefficients;
  private final Linear directions;

  /// Loads the network onto a backend; sizes come from the tensors' shapes. Throws `InputException`
  /// when they do not fit.
  public MotionEncoder(Weights weights, Ops ops) {
    this(weights, ops, WeightSharing.NONE);
  }

  /// Loads the network onto a backend as ranks share its weights; see the other form.
  MotionEncoder(Weights weights, Ops ops, WeightSharing sharing) {
    this.ops = ops;
    parameters = ops.parameters(sharing);
    try {
      Weights layers = weights.at("enc.net_app.convs");
      int end = layers.parts() - 1;
      first = convolution(layers.at(0), "0.weight", null, "1.bias", ROOT);
      blocks = IntStream.range(1, end).mapToObj(i -> new Block(layers.at(i))).toList();
      last = convolution(layers.at(end), "weight", null, null, 1);
      coefficients = coefficients(weights.at("enc.fc"));
      Shape size = weights.shape("dec.direction.weight", 2);
      directions =
          linear(directions(weights.tensor("dec.direction.weight", size.toArray())), List.of());
      if (blocks.isEmpty() || coefficients.isEmpty() || !isChain()) {
        throw new InputException(
            "%s has layers that do not take what those before them make; expected the motion encoder of Animate: download the checkpoint again"
                .formatted(weights));
      }
      parameters.complete();
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      parameters.close();
      throw e;
    }
  }

  /// Says whether every layer takes what the one before it makes.
  private boolean isChain() {
    int width = first.outputs();
    boolean fits = first.inputs() == COLOURS && first.height() == 1;
    for (Block block : blocks) {
      fits &= block.takes(width);
      width = block.halving.outputs();
    }
    fits &= last.inputs() == width;
    width = last.outputs();
    for (Linear layer : coefficients) {
      fits &= layer.inputs() == width;
      width = layer.outputs();
    }
    return fits && directions.inputs() == width;
  }

  private List<Linear> coefficients(Weights weights) {
    List<Linear> layers = new ArrayList<>();
    for (int i = 0; i < weights.parts(); i++) {
      Shape shape = weights.at(i).shape("weight", 2);
      TensorSource weight = weights.at(i).tensor("weight", shape.toArray());
      TensorSource bias = weights.at(i).tensor("bias", shape.size(0));
      double factor = 1 / Math.sqrt(shape.length(1));
      TensorSource scaled = new ComputedSource(weight.name(), shape, () -> scaled(weight, factor));
      layers.add(linear(scaled, List.of(bias)));
    }
    return layers;
  }

  /// Loads a layer in float32: there are few of these, and what they make is added up.
  private Linear linear(TensorSource weight, List<TensorSource> biases) {
    return parameters.linear(List.of(weight), biases, Precision.FLOAT32);
  }

  /// Returns the orthogonal directions as a layer's weight `[size, count]`, which LAPACK's QR
  /// factorisation makes of what is stored.
  private static TensorSource directions(TensorSource stored) {
    Shape shape = stored.shape();
    return new ComputedSource(
        stored.name(),
        shape,
        () -> {
          float[] values = stored.load().toFloats();
          for (int i = 0; i < values.length; i++) {
            values[i] += 1e-8f;
          }
          return Orthogonal.columns(values, shape.length(0), shape.length(1));
        });
  }

  private static float[] scaled(TensorSource source, double factor) {
    float[] values = source.load().toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] * factor);
    }
    return values;
  }

  /// Loads a convolution of equalised weights behind a blur (null for none), times a factor; `bias`
  /// is null where it has none.
  private Convolution convolution(
      Weights weights, String name, String blur, String bias, double factor) {
    TensorSource weight = weights.tensor(name);
    Shape shape = weight.shape();
    if (shape.rank() != 4 || shape.count() == 0 || shape.size(2) != shape.size(3)) {
      throw new InputException(
          "%s holds %s with shape %s; expected [outputs, inputs, edge, edge]: use the checkpoint of Animate"
              .formatted(weights, weight.name(), shape));
    }
    double whole = factor / Math.sqrt(shape.count() / (double) shape.size(0));
    TensorSource offsets =
        bias == null
            ? TensorSource.of("no bias", Tensor.of(new float[shape.length(0)], shape.size(0)))
            : offsets(weights.tensor(bias, 1, shape.size(0), 1, 1), factor);
    if (blur == null) {
      return parameters.convolution(
          new ComputedSource(weight.name(), shape, () -> scaled(weight, whole)), offsets);
    }
    TensorSource kernel = weights.tensor(blur);
    Shape blurKernel = weights.shape(blur, 2);
    int edge = shape.length(2) + blurKernel.length(0) - 1;
    Supplier<float[]> blurred =
        () ->
            blurred(
                scaled(weight, whole),
                shape.length(2),
                kernel.load().toFloats(),
                blurKernel.length(0));
    return parameters.convolution(
        new ComputedSource(
            weight.name(), Shape.of(shape.size(0), shape.size(1), edge, edge), blurred),
        offsets);
  }

  private static TensorSource offsets(TensorSource bias, double factor) {
    return new ComputedSource(
        bias.name(), Shape.of(bias.shape().count()), () -> scaled(bias, factor));
  }

  /// Returns kernels of `edge` by `edge` that see what a blur makes of their input: each spread by
  /// the blur, which is turned around as in a convolution.
  private static float[] blurred(float[] kernels, int edge, float[] blur, int blurEdge) {
    int wide = edge + blurEdge - 1;
    int size = edge * edge;
    int[] places = new int[size * blur.length]; // in a wide kernel, for each pair of weights
    for (int i = 0; i < places.length; i++) {
      int pixel = i / blur.length;
      int j = i % blur.length;
      places[i] = (pixel / edge + j / blurEdge) * wide + pixel % edge + j % blurEdge;
    }
    int wideSize = wide * wide;
    int count = kernels.length / size;
    float[] spread = new float[count * wideSize];
    float[] some = new float[size * TOGETHER]; // a weight of some kernels side by side
    float[] sums = new float[wideSize * TOGETHER];
    for (int first = 0; first < count; first += TOGETHER) {
      int length = Math.min(TOGETHER, count - first);
      for (int i = 0; i < length * size; i++) {
        some[i % size * TOGETHER + i / size] = kernels[first * size + i];
      }
      Arrays.fill(sums, 0);
      for (int i = 0; i < places.length; i++) {
        float factor = blur[blur.length - 1 - i % blur.length];
        int from = i / blur.length * TOGETHER;
        int to = places[i] * TOGETHER;
        for (int k = 0; k < TOGETHER; k++) {
          sums[to + k] += some[from + k] * factor;
        }
      }
      for (int i = 0; i < length * wideSize; i++) {
        spread[first * wideSize + i] = sums[i % wideSize * TOGETHER + i / wideSize];
      }
    }
    return spread;
  }

  /// Returns the motion in faces, unsigned bytes `[faces, size, size, 3]` in host memory, as
  /// float32 `[faces, dim]` in the innermost scope.
  public Tensor encode(Tensor faces) {
    if (!faces.shape().equals(Shape.of(faces.length(0), size(), size(), 3))) {
      throw new IllegalArgumentException(
          "got faces %s, expected [faces, %d, %d, 3]".formatted(faces, size(), size()));
    }
    Tensor motion = ops.empty(DType.F32, faces.length(0), directions.outputs());
    for (int start = 0; start < faces.length(0); start += BATCH) {
      int count = Math.min(BATCH, faces.length(0) - start);
      try (var _ = ops.scope()) {
        Tensor appearance = appearance(scaled(faces.slice(start, count)));
        Operand x = ops.operand(appearance, coefficients.getFirst().input(Branch.CONDITIONAL));
        for (Linear layer : coefficients) {
          x = new Operand.Plain(ops.linear(x, layer, Activation.NONE));
        }
        ops.linear(x, directions, motion.slice(start, count));
      }
    }
    return motion;
  }

  /// Returns bytes as float32 in [-1, 1], when somebody looks at them.
  private static Tensor scaled(Tensor bytes) {
    return Tensor.deferred(
        DType.F32,
        bytes.shape(),
        () -> {
          float[] values = bytes.toFloats();
          for (int i = 0; i < values.length; i++) {
            values[i] = values[i] / 127.5f - 1;
          }
          return Tensor.of(values, bytes.shape().toArray());
        });
  }

  /// Returns what the convolutions make of faces, `[faces, features]`.
  private Tensor appearance(Tensor faces) {
    Tensor x = activated(ops.upload(faces, ops.activation()), first, Window.VALID);
    for (Block block : blocks) {
      x = block.forward(x);
    }
    Tensor features = convolved(x, last, Window.VALID); // [faces, 1, 1, features]
    return features.reshape(features.length(0), features.length(3));
  }

  /// Returns the height and width of the faces that a network of these weights sees.
  public static int size(Weights weights) {
    Weights layers = weights.at("enc.net_app.convs");
    int end = layers.parts() - 1;
    return layers.at(end).shape("weight", 4).length(2) << (end - 1);
  }

  /// Returns the height and width of the faces that the network sees.
  public int size() {
    return last.height() << blocks.size();
  }

  /// Returns how many numbers the motion in a face has.
  int dim() {
    return directions.outputs();
  }

  /// Returns the bytes that the weights fill on the backend.
  long bytes() {
    return parameters.bytes();
  }

  private Tensor activated(Tensor x, Convolution layer, Window window) {
    return ops.activate(convolved(x, layer, window), Activation.LEAKY_RELU);
  }

  private Tensor convolved(Tensor x, Convolution layer, Window window) {
    Tensor y =
        ops.empty(
            ops.activation(),
            x.length(0),
            window.rows(x.length(1), layer.height()),
            window.columns(x.length(2), layer.width()),
            layer.outputs());
    ops.convolution(x, layer, window, y);
    return y;
  }

  /// Frees the weights.
  @Override
  public void close() {
    parameters.close();
  }

  /// Two convolutions, the second of which halves the picture, beside a shortcut that does so too.
  private final class Block {
    private final Convolution same;
    private final Convolution halving;
    private final Convolution shortcut;

    Block(Weights weights) {
      same = convolution(weights, "conv1.0.weight", null, "conv1.1.bias", ROOT);
      // the factor behind the activation and that of the sum cancel out
      halving = convolution(weights, "conv2.1.weight", "conv2.0.kernel", "conv2.2.bias", 1);
      shortcut = convolution(weights, "skip.1.weight", "skip.0.kernel", null, 1 / ROOT);
    }

    /// Says whether its layers take so many channels and make equally many of them.
    boolean takes(int channels) {
      return same.inputs() == channels
          && halving.inputs() == same.outputs()
          && shortcut.inputs() == channels
          && shortcut.outputs() == halving.outputs()
          && same.height() == 3
          && halving.height() == 6
          && shortcut.height() == 4;
    }

    Tensor forward(Tensor x) {
      Tensor y = activated(activated(x, same, Window.SAME_3X3), halving, HALVE_6X6);
      ops.convolution(x, shortcut, HALVE_4X4, y, y);
      return y;
    }
  }
}
