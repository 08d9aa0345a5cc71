package wan4j.media;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.zip.CRC32;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// The frames of a video file by their numbers. It is read on from where the last frames were, and
/// from its beginning for earlier ones; what was read last is kept, since clips overlap and several
/// ranks may read the same.
public final class VideoFrames implements FrameSource, AutoCloseable {
  private final Path file;
  private final int count;
  private final int width;
  private final int height;
  private final double framesPerSecond;
  private final boolean hasSound;
  private final long checksum;
  private VideoReader reader; // null before the first frame is read, and when it is closed
  private int next; // the number of the reader's next frame
  private Tensor kept; // null before the first
  private int firstKept;

  private VideoFrames(Path file, int count, Picture first, long checksum, VideoReader reader) {
    this.file = file;
    this.count = count;
    this.checksum = checksum;
    width = first.width();
    height = first.height();
    framesPerSecond = reader.framesPerSecond();
    hasSound = reader.hasSound();
  }

  /// Looks at a video and counts its frames; throws `InputException` when it is missing, broken or
  /// without frames.
  public static VideoFrames open(Path file) {
    try (VideoReader reader = VideoReader.open(file)) {
      Picture first =
          reader
              .next()
              .orElseThrow(() ->
                  new InputException("%s holds no picture; give a whole video".formatted(file)));
      CRC32 sum = new CRC32();
      int count = 0;
      for (Picture frame = first; frame != null; frame = reader.next().orElse(null)) {
        sum.update(frame.rgb());
        count++;
      }
      return new VideoFrames(file, count, first, sum.getValue(), reader);
    }
  }

  /// Returns the file.
  public Path file() {
    return file;
  }

  /// Says whether the file holds sound too.
  boolean hasSound() {
    return hasSound;
  }

  @Override
  public int count() {
    return count;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public double framesPerSecond() {
    return framesPerSecond;
  }

  @Override
  public long checksum() {
    return checksum;
  }

  @Override
  public synchronized Tensor read(int first, int count) {
    Objects.checkFromIndexSize(first, count, this.count);
    Tensor frames = FrameConversion.frames(count, height, width);
    int done = 0;
    while (done < count && isKept(first + done)) {
      MemorySegment.copy(
          kept.at(first + done - firstKept).segment(),
          0,
          frames.at(done).segment(),
          0,
          frames.at(done).bytes());
      done++;
    }
    if (done < count) {
      skipTo(first + done);
    }
    for (int i = done; i < count; i++) {
      following().copyTo(frames.at(i).segment());
    }
    kept = frames;
    firstKept = first;
    return frames;
  }

  private boolean isKept(int frame) {
    return kept != null && frame >= firstKept && frame < firstKept + kept.length(0);
  }

  private void skipTo(int frame) {
    if (reader == null || next > frame) {
      close();
      reader = VideoReader.open(file);
      next = 0;
    }
    while (next < frame) {
      var _ = following();
    }
  }

  private Picture following() {
    Optional<Picture> picture = reader.next();
    next++;
    return picture.orElseThrow(() ->
        new InputException(
            "%s had %,d frames and now ends after %,d; leave it as it is while it is used"
                .formatted(file, count, next - 1)));
  }

  /// Closes the file until frames are read again.
  @Override
  public synchronized void close() {
    if (reader != null) {
      reader.close();
      reader = null;
    }
  }
}
