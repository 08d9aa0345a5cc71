package wan4j.pipeline;

import java.util.Arrays;
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
/// it is text to video.
public final class TextImageToVideo {
  private TextImageToVideo() {}

  /// Returns the size of the video for a picture and at most `area` pixels a frame.
  public static Sizing.Size size(VideoAutoencoder vae, Picture picture, long area) {
    return Sizing.bestOutput(
        new Sizing.Size(picture.width(), picture.height()),
        LatentGrid.sideStep(vae.stride()),
        area);
  }

  /// Returns the conditioning for samples of a shape `[channels, frames, height, width]`, in the
  /// innermost scope.
  public static Conditioning prepare(Ops ops, VideoAutoencoder vae, Picture picture, Shape sample) {
    int height = sample.length(2) * vae.stride();
    int width = sample.length(3) * vae.stride();
    Picture fitted =
        Sizing.coverAndCrop(picture, new Sizing.Size(width, height), Resampling.LANCZOS);
    Tensor pixels = FrameConversion.toFloats(fitted).reshape(3, 1, height, width);
    Tensor frame = vae.encode(ops.upload(pixels, DType.F32));

    int[] rows = new int[LatentGrid.of(sample).tokens()];
    Arrays.fill(rows, rows.length / sample.length(1), rows.length, 1);
    return new Conditioning.FirstFrame(frame, ops.upload(Tensor.of(rows, rows.length), DType.I32));
  }
}
