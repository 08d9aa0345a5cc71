package wan4j.media;

import java.nio.file.Path;
import wan4j.tensor.InputException;

/// Decodes JPEG and WebP pictures through FFmpeg.
final class CodedPictures {
  private CodedPictures() {}

  static Picture read(Path file) {
    try (VideoReader reader = VideoReader.open(file)) {
      return reader
          .next()
          .orElseThrow(
              () -> new InputException("%s holds no picture; give a whole file".formatted(file)));
    }
  }
}
