package wan4j.pipeline;

import java.util.Arrays;
import wan4j.media.FrameConversion;
import wan4j.media.Interpolation;
import wan4j.media.Picture;
import wan4j.media.Sizing;
import wan4j.model.LatentGrid;
import wan4j.model.Timesteps;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Image to video: the video begins with a picture. The network sees, beside the sample, the
/// latents of a video whose first frame is the picture and whose other frames are grey, and a mask
/// of what is given (Wan-Video/Wan2.2 at 42bf4cf, wan/image2video.py).
public final class ImageToVideo {
  private static final int MASK_CHANNELS = 4;

  private ImageToVideo() {}

  /// Returns the shape of the latents for a picture and about `area` pixels a frame.
  public static Shape latents(VideoAutoencoder vae, Picture picture, long area, int frames) {
    Sizing.Size latent =
        Sizing.imageToVideoLatent(
            new Sizing.Size(picture.width(), picture.height()),
            vae.stride(),
            LatentGrid.PATCH,
            area);
    return vae.latents(frames, latent.height() * vae.stride(), latent.width() * vae.stride());
  }

  /// Returns the conditioning for samples of a shape `[channels, frames, height, width]`, in the
  /// innermost scope.
  public static Conditioning prepare(Ops ops, VideoAutoencoder vae, Picture picture, Shape sample) {
    int latentFrames = sample.length(1);
    int height = sample.length(2);
    int width = sample.length(3);
    Tensor condition =
        ops.empty(DType.F32, (long) MASK_CHANNELS + vae.channels(), latentFrames, height, width);
    ops.copy(mask(ops, latentFrames, height, width), condition.slice(0, MASK_CHANNELS));
    try (var _ = ops.scope()) {
      Tensor video = video(ops, picture, latentFrames, height * vae.stride(), width * vae.stride());
      Tensor encoded = vae.encode(video);
      ops.copy(encoded, condition.slice(MASK_CHANNELS, vae.channels()));
    }
    int tokens = LatentGrid.of(sample).tokens();
    return new Conditioning.Beside(condition, Timesteps.sharedRows(ops, tokens));
  }

  /// Returns what the autoencoder sees: the picture, then grey frames, float32 `[3, frames, height,
  /// width]` in the innermost scope.
  private static Tensor video(Ops ops, Picture picture, int latentFrames, int height, int width) {
    int frames = LatentGrid.videoFrames(latentFrames);
    Tensor first = Interpolation.bicubic(FrameConversion.toFloats(picture), height, width);
    Tensor video = ops.empty(DType.F32, 3, frames, height, width);
    ops.clear(video);
    try (var _ = ops.scope()) {
      Tensor pixels = ops.upload(first, DType.F32);
      for (int channel = 0; channel < 3; channel++) {
        ops.copy(pixels.slice(channel, 1), video.at(channel).slice(0, 1));
      }
    }
    return video;
  }

  private static Tensor mask(Ops ops, int frames, int height, int width) {
    float[] mask = new float[MASK_CHANNELS * frames * height * width];
    for (int channel = 0; channel < MASK_CHANNELS; channel++) {
      int start = channel * frames * height * width;
      Arrays.fill(mask, start, start + height * width, 1);
    }
    return ops.upload(Tensor.of(mask, MASK_CHANNELS, frames, height, width), DType.F32);
  }
}
