package wan4j.model;

import wan4j.tensor.Tensor;

/// A layer of a video autoencoder over channels-last features that remembers what it needs of the
/// pieces before.
interface VaeLayer {
  /// The size of a frame of features.
  record Extent(int height, int width) {}

  /// Forgets the past and makes room for frames of the given size in the innermost scope; returns
  /// the size that leaves.
  Extent begin(Extent extent);

  /// Returns the shape that leaves for the next piece `x`.
  long[] output(Tensor x);

  /// Writes what the layer makes of the next piece `x` to `target`, which has the shape that
  /// `output` told.
  void forward(Tensor x, Tensor target);
}
