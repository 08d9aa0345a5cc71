package wan4j.pipeline;

import java.util.Arrays;
import java.util.List;
import wan4j.media.FrameConversion;
import wan4j.media.Interpolation;
import wan4j.media.Picture;
import wan4j.media.Sizing;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Image to video: the video begins with a picture. The network sees, beside the sample, the
/// latents of a video whose first frame is the picture and whose other frames are grey, and a mask
/// of what is given (Wan-Video/Wan2.2 at 42bf4cf, wan/image2video.py).
///
/// @param picture the first frame
/// @param area about how many pixels a frame has; the picture gives its aspect
/// @param frames frames of the video, 4 n + 1
public record ImageToVideo(Picture picture, long area, int frames) implements Course {
  private static final int MASK_CHANNELS = 4;

  /// Returns the size in latent pixels of `stride` pixels each; throws `InputException` when the
  /// picture is too long and narrow.
  public Sizing.Size size(int stride) {
    return Sizing.imageToVideoLatent(
        new Sizing.Size(picture.width(), picture.height()), stride, LatentGrid.PATCH, area);
  }

  @Override
  public Shape latents(VideoAutoencoder vae) {
    Sizing.Size latent = size(vae.stride());
    return vae.latents(frames, latent.height() * vae.stride(), latent.width() * vae.stride());
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    int latentFrames = sample.length(1);
    int height = sample.length(2);
    int width = sample.length(3);
    Tensor condition =
        ops.empty(DType.F32, (long) MASK_CHANNELS + vae.channels(), latentFrames, height, width);
    mask(ops, condition.slice(0, MASK_CHANNELS));
    try (var _ = ops.scope()) {
      Tensor video = video(ops, latentFrames, height * vae.stride(), width * vae.stride());
      Tensor encoded = vae.encode(video);
      ops.copy(encoded, condition.slice(MASK_CHANNELS, vae.channels()));
    }
    return Conditioning.of(prompts, List.of(condition), null);
  }

  /// Returns what the autoencoder sees: the picture, then grey frames, float32 `[3, frames, height,
  /// width]` in the innermost scope.
  private Tensor video(Ops ops, int latentFrames, int height, int width) {
    Tensor first =
        Tensor.deferred(
            DType.F32,
            Shape.of(3, height, width),
            () -> Interpolation.bicubic(FrameConversion.toFloats(picture), height, width));
    Tensor video = ops.empty(DType.F32, 3, LatentGrid.videoFrames(latentFrames), height, width);
    ops.clear(video);
    try (var _ = ops.scope()) {
      Tensor pixels = ops.upload(first, DType.F32);
      for (int channel = 0; channel < 3; channel++) {
        ops.copy(pixels.slice(channel, 1), video.at(channel).slice(0, 1));
      }
    }
    return video;
  }

  /// Writes 1 where the first frame is and 0 elsewhere to `[4, frames, height, width]`.
  private static void mask(Ops ops, Tensor target) {
    ops.clear(target);
    try (var _ = ops.scope()) {
      float[] ones = new float[Math.multiplyExact(target.length(2), target.length(3))];
      Arrays.fill(ones, 1);
      Tensor given = ops.upload(Tensor.of(ones, 1, target.length(2), target.length(3)), DType.F32);
      for (int channel = 0; channel < MASK_CHANNELS; channel++) {
        ops.copy(given, target.at(channel).slice(0, 1));
      }
    }
  }
}
