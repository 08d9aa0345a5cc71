package wan4j.pipeline;

import wan4j.model.LatentGrid;
import wan4j.model.Timesteps;
import wan4j.ops.Ops;
import wan4j.tensor.Shape;

/// Text to video: the prompt is all there is (Wan-Video/Wan2.2 at 42bf4cf, wan/text2video.py).
public final class TextToVideo {
  private TextToVideo() {}

  /// Returns the conditioning for samples of a shape `[channels, frames, height, width]`, in the
  /// innermost scope.
  public static Conditioning prepare(Ops ops, Shape sample) {
    return new Conditioning.Free(Timesteps.sharedRows(ops, LatentGrid.of(sample).tokens()));
  }
}
