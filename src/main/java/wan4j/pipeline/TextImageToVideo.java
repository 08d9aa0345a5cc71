package wan4j.pipeline;

import java.util.List;
import wan4j.media.FrameConversion;
import wan4j.media.Picture;
import wan4j.media.Resampling;
import wan4j.media.Sizing;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Text and image to video with one model: the picture's latents are the first latent frame, whose
/// tokens have timestep 0 (Wan-Video/Wan2.2 at 42bf4cf, wan/textimage2video.py). Without a picture
/// the course is that of text to video. Frames of a clip before are held like the picture
/// (Comfy-Org/ComfyUI, comfy_extras/nodes_wan.py, `Wan22ImageToVideoLatent`).
///
/// @param picture the first frame
/// @param area at most how many pixels a frame has; the picture gives its aspect
/// @param frames frames of the video, 4 n + 1
public record TextImageToVideo(Picture picture, long area, int frames) implements Course {
  /// Returns the size in pixels, of which `stride` are a latent pixel; throws `InputException` when
  /// the picture is too long and narrow.
  public Sizing.Size size(int stride) {
    return Sizing.bestOutput(
        new Sizing.Size(picture.width(), picture.height()), LatentGrid.sideStep(stride), area);
  }

  @Override
  public Shape latents(VideoAutoencoder vae) {
    Sizing.Size size = size(vae.stride());
    return vae.latents(frames, size.height(), size.width());
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    if (clip.before() != null) {
      Tensor before = vae.encode(ops.upload(clip.before(), DType.F32));
      return Conditioning.of(prompts, List.of(), new Beginning.Held(before));
    }
    int height = sample.length(2) * vae.stride();
    int width = sample.length(3) * vae.stride();
    Tensor pixels =
        Tensor.deferred(DType.F32, Shape.of(3, 1, height, width), () -> fitted(height, width));
    Tensor frame = vae.encode(ops.upload(pixels, DType.F32));
    return Conditioning.of(prompts, List.of(), new Beginning.Held(frame));
  }

  private Tensor fitted(int height, int width) {
    Picture fitted =
        Sizing.coverAndCrop(picture, new Sizing.Size(width, height), Resampling.LANCZOS);
    return FrameConversion.toFloats(fitted).reshape(3, 1, height, width);
  }
}
