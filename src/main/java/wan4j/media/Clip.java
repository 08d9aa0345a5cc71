package wan4j.media;

import java.lang.foreign.MemorySegment;
import wan4j.tensor.Tensor;

/// A video in memory: unsigned bytes `[frames, height, width, 3]` and their rate.
public record Clip(Tensor frames, double framesPerSecond) {
  /// Creates a clip; throws `IllegalArgumentException` for another tensor or a rate that is not
  /// positive.
  public Clip {
    FrameConversion.checkFrames(frames);
    if (!(framesPerSecond > 0)) {
      throw new IllegalArgumentException(
          "frames a second must be more than 0, got " + framesPerSecond);
    }
  }

  /// Returns the clip at another rate: frame `i` is the one whose time is nearest to `i / rate`, as
  /// the reference picks frames (Wan2.2 42bf4cf, wan/modules/animate/preprocess/utils.py).
  public Clip at(double rate) {
    int count = frames.length(0);
    int[] indices = indices(count, framesPerSecond, rate);
    Tensor picked = FrameConversion.frames(indices.length, frames.length(1), frames.length(2));
    for (int i = 0; i < indices.length; i++) {
      MemorySegment.copy(
          frames.at(indices[i]).segment(), 0, picked.at(i).segment(), 0, frames.bytes() / count);
    }
    return new Clip(picked, rate);
  }

  /// Returns which of `count` frames at rate `from` make up the video at rate `to`; halves round to
  /// even.
  public static int[] indices(int count, double from, double to) {
    int[] indices = new int[(int) (count / from * to)];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = Math.clamp((long) Math.rint(i / to * from), 0, count - 1);
    }
    return indices;
  }
}
