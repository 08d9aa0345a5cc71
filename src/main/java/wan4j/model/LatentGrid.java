package wan4j.model;

import wan4j.tensor.Shape;

/// The grid of a video's tokens: one latent frame stands for the first frame and every further one
/// for four frames; a token is a patch of 1 x 2 x 2 latent pixels.
///
/// @param frames latent frames
/// @param rows rows of tokens in each
/// @param columns tokens in a row
public record LatentGrid(int frames, int rows, int columns) {
  /// The latent pixels of a patch in height and in width.
  public static final int PATCH = 2;

  /// The number of frames that one latent frame after the first stands for.
  public static final int TIME_STRIDE = 4;

  /// Returns the grid of latents `[channels, frames, height, width]`.
  public static LatentGrid of(Shape latents) {
    return new LatentGrid(latents.length(1), latents.length(2) / PATCH, latents.length(3) / PATCH);
  }

  /// Returns the number of tokens.
  public int tokens() {
    return Math.multiplyExact(Math.multiplyExact(frames, rows), columns);
  }

  /// Returns what the sides of a video are multiples of where one latent pixel stands for `stride`
  /// pixels in height and in width.
  public static int sideStep(int stride) {
    return stride * PATCH;
  }

  /// Returns the latent frames of a video; frames beyond 4 n + 1 do not count.
  public static int latentFrames(int frames) {
    return 1 + (frames - 1) / TIME_STRIDE;
  }

  /// Returns the frames of a video that latent frames stand for.
  public static int videoFrames(int latentFrames) {
    return 1 + (latentFrames - 1) * TIME_STRIDE;
  }
}
