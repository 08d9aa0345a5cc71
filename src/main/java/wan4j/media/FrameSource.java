package wan4j.media;

import java.util.Objects;
import java.util.zip.CRC32;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
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

  /// Returns a checksum of all frames, which tells videos of one size and length apart; throws
  /// `InputException` when they cannot be read.
  default long checksum() {
    CRC32 sum = new CRC32();
    for (int i = 0; i < count(); i++) {
      sum.update(read(i, 1).segment().asByteBuffer());
    }
    return sum.getValue();
  }

  /// Returns the first frames, at most so many.
  default FrameSource first(int most) {
    FrameSource all = this;
    return new FrameSource() {
      @Override
      public int count() {
        return Math.min(most, all.count());
      }

      @Override
      public int width() {
        return all.width();
      }

      @Override
      public int height() {
        return all.height();
      }

      @Override
      public double framesPerSecond() {
        return all.framesPerSecond();
      }

      @Override
      public Tensor read(int first, int count) {
        Objects.checkFromIndexSize(first, count, count());
        return all.read(first, count);
      }
    };
  }

  /// Returns black frames, 30 a second.
  static FrameSource black(int width, int height, int frames) {
    return of(new Clip(Tensor.zeros(DType.U8, Shape.of(frames, height, width, 3)), 30));
  }

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
