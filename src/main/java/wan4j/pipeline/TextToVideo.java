package wan4j.pipeline;

import java.util.List;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Text to video: the prompt is all there is (Wan-Video/Wan2.2 at 42bf4cf, wan/text2video.py, and
/// wan/textimage2video.py without a picture). A clip that goes on from another holds the latents of
/// its last frames at timestep 0, as the model of text and image to video holds its picture; laying
/// them into the sample as noisy as it is (RePaint, arXiv 2201.09865) made a worse seam on the
/// trained demo.
///
/// @param frames frames of the video, 4 n + 1
/// @param height its rows
/// @param width pixels in a row
public record TextToVideo(int frames, int height, int width) implements Course {
  @Override
  public Shape latents(VideoAutoencoder vae) {
    return vae.latents(frames, height, width);
  }

  @Override
  public Conditioning conditioning(
      Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
    if (clip.before() == null) {
      return Conditioning.of(prompts, List.of(), null);
    }
    Tensor before = vae.encode(ops.upload(clip.before(), DType.F32));
    return Conditioning.of(prompts, List.of(), new Beginning.Held(before));
  }
}
