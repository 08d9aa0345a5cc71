package wan4j.pipeline;

import wan4j.model.VideoAutoencoder;
import wan4j.tensor.Shape;

/// The sizes of latents and tokens for a video of some size.
public final class LatentGrid {
  private LatentGrid() {}

  /// Returns the latents' shape `[channels, 1 + (frames - 1) / 4, height / stride, width /
  /// stride]`.
  public static Shape of(int channels, int stride, int frames, int width, int height) {
    return Shape.of(
        channels, 1 + (frames - 1) / VideoAutoencoder.TIME_STRIDE, height / stride, width / stride);
  }

  /// Returns the number of tokens for latents `[channels, frames, height, width]`, in patches of 1
  /// x 2 x 2.
  public static int tokens(Shape latents) {
    return latents.length(1) * (latents.length(2) / 2) * (latents.length(3) / 2);
  }
}
