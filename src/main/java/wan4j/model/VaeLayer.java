package wan4j.model;

import java.util.Arrays;
import java.util.List;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// A layer of a video autoencoder over channels-last features that remembers what it needs of the
/// pieces before.
interface VaeLayer {
  /// The size of a frame of features.
  record Extent(int height, int width) {}

  /// Returns how many channels leave for so many; throws `InputException` when the layer's weights
  /// take another number or do not fit each other.
  int channels(int inputs);

  /// Forgets the past and makes room for frames of the given size in the innermost scope, which
  /// `pieces` hands from piece to piece; returns the size that leaves.
  Extent begin(Extent extent, PieceRelay pieces);

  /// Returns the shape that leaves for the next piece `x`.
  long[] output(Tensor x);

  /// Writes what the layer makes of the next piece `x` to `target`, which has the shape that
  /// `output` told and, where that is `x`'s own, may be `x`.
  void forward(Tensor x, Tensor target);

  /// Returns what layers, one after the other, make of the next piece `x`: in place where a layer
  /// keeps the shape, except that the first one writes over `x` only if told so.
  static Tensor forward(List<VaeLayer> layers, Ops ops, Tensor x, boolean overwrite) {
    Tensor h = x;
    for (VaeLayer layer : layers) {
      long[] shape = layer.output(h);
      boolean isInPlace = (h != x || overwrite) && Arrays.equals(shape, h.shape().toArray());
      Tensor made = isInPlace ? h : ops.empty(ops.activation(), shape);
      try (var _ = ops.scope()) {
        layer.forward(h, made);
      }
      h = made;
    }
    return h;
  }
}
