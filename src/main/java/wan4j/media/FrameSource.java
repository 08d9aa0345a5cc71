package wan4j.media;

import wan4j.tensor.Tensor;

/// The frames of a video by their numbers, of one size, read when they are asked for.
public interface FrameSource {
  /// Returns how many frames there are.
  int count();

  /// Returns the width of a frame.
  int width();

  /// Returns the height of a frame.
  int height();

  /// Returns the frames a second.
  double framesPerSecond();

  /// Returns frames from number `first` on as unsigned bytes `[count, height, width, 3]` in host
  /// memory; throws `InputException` when they cannot be read.
  Tensor read(int first, int count);

  /// Returns frames that lie in memory, unsigned bytes `[frames, height, width, 3]`.
  static FrameSource of(Clip clip) {
    Tensor frames = clip.frames();
    return new FrameSource() {
      @Override
      public int count() {
        return frames.length(0);
      }

      @Override
      public int width() {
        return frames.length(2);
      }

      @Override
      public int height() {
        return frames.length(1);
      }

      @Override
      public double framesPerSecond() {
        return clip.framesPerSecond();
      }

      @Override
      public Tensor read(int first, int count) {
        return frames.slice(first, count);
      }
    };
  }
}
