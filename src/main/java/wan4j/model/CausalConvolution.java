package wan4j.model;

import wan4j.ops.Convolution;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// A convolution that sees the present and the past only: the last input frames of one piece of a
/// video are kept in front of the next. Before the first piece they are zeros.
final class CausalConvolution {
  private final Ops ops;
  private final String name; // of the weights, for messages
  private final Convolution layer;
  private final Window window;
  private Tensor history; // [kernel time - 1, height, width, inputs]
  private PieceRelay relay;

  /// Loads `name.weight [outputs, inputs, time, height, width]`, without time for one frame, and
  /// `name.bias [outputs]`; throws `InputException` when they are of another shape.
  CausalConvolution(
      Weights weights, String name, Ops ops, Parameters parameters, Kernel kernel, Window window) {
    this.ops = ops;
    this.window = window;
    this.name = weights.title() + " holds " + weights.path(name);
    TensorSource weight = weights.tensor(name + ".weight");
    Shape shape = weight.shape();
    if (!kernel.fits(shape)) {
      throw new InputException(
          "%s with shape %s; expected [outputs, inputs, %d, %d, %d]: use the autoencoder of Wan2.1 or Wan2.2"
              .formatted(this.name, shape, kernel.time, kernel.side, kernel.side));
    }
    layer = parameters.convolution(weight, weights.tensor(name + ".bias", shape.size(0)));
  }

  /// How many frames and, in height and in width, pixels a convolution sees at once.
  enum Kernel {
    /// A pixel.
    POINT(1, 1),
    /// A pixel and those around it.
    SQUARE(1, 3),
    /// A pixel in the present and two past frames.
    MOMENTS(3, 1),
    /// A pixel and those around it in the present and two past frames.
    CUBE(3, 3);

    private final int time;
    private final int side;

    Kernel(int time, int side) {
      this.time = time;
      this.side = side;
    }

    private boolean fits(Shape weight) {
      int rank = weight.rank();
      return weight.count() > 0
          && (rank == 5 ? weight.size(2) == time : rank == 4 && time == 1)
          && weight.size(rank - 2) == side
          && weight.size(rank - 1) == side;
    }
  }

  /// Returns how many channels leave for so many; throws `InputException` when the weights take
  /// another number.
  int channels(int inputs) {
    return channels(inputs, outputs());
  }

  /// Returns how many channels leave for so many; throws `InputException` when the weights take
  /// another number or make one that is not `outputs`.
  int channels(int inputs, int outputs) {
    if (inputs() != inputs || outputs() != outputs) {
      throw new InputException(
          "%s with %d channels of %d; expected %d of %d, as the layers around it have them: use the autoencoder of Wan2.1 or Wan2.2"
              .formatted(name, outputs(), inputs(), outputs, inputs));
    }
    return outputs;
  }

  int inputs() {
    return layer.inputs();
  }

  int outputs() {
    return layer.outputs();
  }

  /// Forgets the past; makes the history for features of an extent in the innermost scope, which is
  /// handed from piece to piece by `pieces`.
  void begin(VaeLayer.Extent extent, PieceRelay pieces) {
    relay = pieces;
    long height = extent.height();
    long width = extent.width();
    history = ops.empty(ops.activation(), layer.time() - 1L, height, width, layer.inputs());
    ops.clear(history);
  }

  /// Forgets the past; what comes next has all its frames already.
  void beginWithoutHistory() {
    history = ops.empty(ops.activation(), 0, 1, 1, layer.inputs());
  }

  /// Returns features for `frames` new frames with room for the history in front; the producer
  /// writes to `fresh` of it.
  Tensor withHistory(int frames, int height, int width) {
    return ops.empty(
        ops.activation(), (long) history.length(0) + frames, height, width, layer.inputs());
  }

  /// Returns the part of `joined` that the producer fills.
  Tensor fresh(Tensor joined) {
    int past = history.length(0);
    return joined.slice(past, joined.length(0) - past);
  }

  /// Writes the convolution of filled features to `target`; their last frames are the next piece's
  /// history.
  void apply(Tensor joined, Tensor target) {
    join(joined);
    ops.convolution(joined, layer, window, target);
  }

  /// Writes the convolution of filled features plus `addend` to `target`.
  void apply(Tensor joined, Tensor addend, Tensor target) {
    join(joined);
    ops.convolution(joined, layer, window, addend, target);
  }

  /// Writes the convolution of filled features, normalised by `gamma` and through SiLU, to
  /// `target`.
  void applyNormalised(Tensor joined, Tensor gamma, Tensor target) {
    join(joined);
    ops.normalisedConvolution(joined, layer, window, gamma, target);
  }

  /// Writes the convolution of features that have no history in front yet to `target`.
  void forward(Tensor x, Tensor target) {
    if (history.length(0) == 0) {
      apply(x, target);
      return;
    }
    Tensor joined = withHistory(x.length(0), x.length(1), x.length(2));
    ops.copy(x, fresh(joined));
    apply(joined, target);
  }

  /// Returns a new tensor for the convolution of new frames `x`.
  Tensor outputFor(Tensor x) {
    return ops.empty(ops.activation(), output(x.length(0), x.length(1), x.length(2)));
  }

  /// Returns the shape that leaves for so many new frames of a size.
  long[] output(int frames, int height, int width) {
    return new long[] {
      window.frames(frames + history.length(0), layer.time()),
      window.rows(height, layer.height()),
      window.columns(width, layer.width()),
      layer.outputs()
    };
  }

  /// Puts the history in front of filled features, and hands on their last frames.
  private void join(Tensor joined) {
    int past = history.length(0);
    if (past > 0) {
      Tensor last = joined.slice(joined.length(0) - past, past);
      relay.handOver(ops, last, joined.slice(0, past), history);
    }
  }
}
