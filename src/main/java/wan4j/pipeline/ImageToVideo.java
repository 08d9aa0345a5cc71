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
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Image to video: the video begins with a picture. The network sees, beside the sample, the
/// latents of a video whose first frame is the picture and whose other frames are grey, and a mask
/// of what is given (Wan-Video/Wan2.2 at 42bf4cf, wan/image2video.py). Where the last frame is
/// given too, that video ends with it, and the mask says so (huggingface/diffusers at 58eb52c,
/// pipelines/wan/pipeline_wan_i2v.py). A clip that goes on from another has its last frames in
/// place of the picture, all of them given (Comfy-Org/ComfyUI, comfy_extras/nodes_wan.py,
/// `WanImageToVideo`).
///
/// @param picture the first frame
/// @param last the last frame, or null; it is brought to the first one's size
/// @param area about how many pixels a frame has; the picture gives its aspect
/// @param frames frames of the video, 4 n + 1
public record ImageToVideo(Picture picture, Picture last, long area, int frames) implements Course {
  private static final int MASK_CHANNELS = 4;

  /// Checks that a last frame is another one than the first; throws `InputException` else.
  public ImageToVideo {
    if (last != null && frames == 1) {
      throw new InputException(
          "a last image was given with frame_num 1; give 5 frames or more, or leave out"
              + " --last_image");
    }
  }

  /// The last frame is the model's.
  public ImageToVideo(Picture picture, long area, int frames) {
    this(picture, null, area, frames);
  }

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
    int given = clip.before() == null ? 1 : LatentGrid.latentFrames(clip.before().length(1));
    mask(ops, given, condition.slice(0, MASK_CHANNELS));
    Tensor encoded = condition.slice(MASK_CHANNELS, vae.channels());
    try (var _ = ops.scope()) {
      Tensor video =
          video(ops, clip.before(), latentFrames, height * vae.stride(), width * vae.stride());
      ops.copy(vae.encode(video), encoded);
    }
    return Conditioning.of(
        prompts,
        List.of(condition),
        clip.before() == null ? null : new Beginning.Seen(first(ops, given, encoded)));
  }

  /// Returns what the autoencoder sees: the picture or the frames `before`, then grey frames and,
  /// where it is given, the last one, float32 `[3, frames, height, width]` in the innermost scope.
  private Tensor video(Ops ops, Tensor before, int latentFrames, int height, int width) {
    int count = LatentGrid.videoFrames(latentFrames);
    Tensor video = ops.empty(DType.F32, 3, count, height, width);
    ops.clear(video);
    if (before == null) {
      put(ops, picture, video, 0);
    } else {
      put(ops, before, video);
    }
    if (last != null) {
      put(ops, last, video, count - 1);
    }
    return video;
  }

  private static void put(Ops ops, Tensor before, Tensor video) {
    try (var _ = ops.scope()) {
      Tensor pixels = ops.upload(before, DType.F32);
      for (int channel = 0; channel < 3; channel++) {
        ops.copy(pixels.at(channel), video.at(channel).slice(0, before.length(1)));
      }
    }
  }

  /// Returns a copy of the first frames of latents.
  private static Tensor first(Ops ops, int frames, Tensor latents) {
    Tensor first =
        ops.empty(DType.F32, latents.length(0), frames, latents.length(2), latents.length(3));
    for (int channel = 0; channel < latents.length(0); channel++) {
      ops.copy(latents.at(channel).slice(0, frames), first.at(channel));
    }
    return first;
  }

  private static void put(Ops ops, Picture picture, Tensor video, int frame) {
    int height = video.length(2);
    int width = video.length(3);
    Tensor resized =
        Tensor.deferred(
            DType.F32,
            Shape.of(3, height, width),
            () -> Interpolation.bicubic(FrameConversion.toFloats(picture), height, width));
    try (var _ = ops.scope()) {
      Tensor pixels = ops.upload(resized, DType.F32);
      for (int channel = 0; channel < 3; channel++) {
        ops.copy(pixels.slice(channel, 1), video.at(channel).slice(frame, 1));
      }
    }
  }

  /// Writes 1 where frames are given and 0 elsewhere to `[4, frames, height, width]`, whose
  /// channels are the frames of a latent frame: the first latent frame is the first frame alone,
  /// and of the last one the last channel is the last frame.
  private void mask(Ops ops, int given, Tensor target) {
    ops.clear(target);
    try (var _ = ops.scope()) {
      int plane = Math.multiplyExact(target.length(2), target.length(3));
      float[] ones = new float[Math.multiplyExact(given, plane)];
      Arrays.fill(ones, 1);
      Tensor whole =
          ops.upload(Tensor.of(ones, given, target.length(2), target.length(3)), DType.F32);
      for (int channel = 0; channel < MASK_CHANNELS; channel++) {
        ops.copy(whole, target.at(channel).slice(0, given));
      }
      if (last != null) {
        ops.copy(whole.slice(0, 1), target.at(MASK_CHANNELS - 1).slice(target.length(1) - 1, 1));
      }
    }
  }
}
