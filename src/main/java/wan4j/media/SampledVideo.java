package wan4j.media;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import wan4j.tensor.InputException;

/// Every so many frames of a video file, counted from its first one, read when they are asked for.
///
/// @param file the video
/// @param interval how many frames of the file one of these stands for
public record SampledVideo(Path file, int interval) {
  /// Looks at a video of which about so many frames a second are wanted: every `round(rate /
  /// wanted)`th one, never one twice. Throws `InputException` when it is missing, broken or without
  /// frames.
  public static SampledVideo of(Path file, double framesPerSecond) {
    try (VideoReader reader = VideoReader.open(file)) {
      if (!reader.skip()) {
        throw new InputException("%s holds no picture; give a whole video".formatted(file));
      }
      int interval = (int) Math.max(1, Math.rint(reader.framesPerSecond() / framesPerSecond));
      return new SampledVideo(file, interval);
    }
  }

  /// Returns frames from number `first` on, fewer than `count` where the video has ended; throws
  /// `InputException` when the file is broken.
  public List<Picture> frames(long first, int count) {
    List<Picture> frames = new ArrayList<>();
    try (VideoReader reader = VideoReader.open(file)) {
      for (long i = 0; i < first * interval; i++) {
        if (!reader.skip()) {
          return frames;
        }
      }
      while (frames.size() < count) {
        Optional<Picture> next = reader.next();
        if (next.isEmpty()) {
          break;
        }
        frames.add(next.get());
        for (int i = 1; i < interval && frames.size() < count; i++) {
          reader.skip(); // at the end there is no next either
        }
      }
      return frames;
    }
  }
}
