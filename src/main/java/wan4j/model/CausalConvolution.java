package wan4j.model;

import wan4j.ops.Convolution;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// A convolution that sees the present and the past only: the last input frames of one piece of a
/// video are kept in front of the next. Before the first piece they are zeros.
final class CausalConvolution {
  private final Ops ops;
  private final Convolution layer;
  private final Window window;
  private Tensor history; // [kernel time - 1, height, width, inputs]
  private PieceRelay relay;

  CausalConvolution(Weights weights, String name, Ops ops, Parameters parameters, Window window) {
    this.ops = ops;
    this.window = window;
    layer =
        parameters.convolution(
            weights.tensor(name + ".weight"),
            weights.tensor(name + ".bias", weights.shape(name + ".weight").size(0)));
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
