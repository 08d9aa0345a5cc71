package wan4j.pipeline;

import java.util.List;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.Shape;

/// Text to video: the prompt is all there is (Wan-Video/Wan2.2 at 42bf4cf, wan/text2video.py, and
/// wan/textimage2video.py without a picture).
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
    return Conditioning.of(prompts, List.of(), null);
  }
}
