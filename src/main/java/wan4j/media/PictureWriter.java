package wan4j.media;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import wan4j.files.PendingFile;
import wan4j.media.picture.PngWriter;

/// Writes pictures as PNG files; it needs no native library.
public final class PictureWriter {
  private PictureWriter() {}

  /// Writes a picture whole or not at all, in place of a file that is there; throws
  /// `InputException` when the target cannot be written.
  public static void write(Picture picture, Path target) {
    try (PendingFile pending = PendingFile.file(target)) {
      writePart(picture, pending.path(), target);
      pending.commit();
    }
  }

  /// Writes a picture to a file that belongs to an unfinished target, which messages name.
  static void writePart(Picture picture, Path file, Path target) {
    try {
      Files.write(file, PngWriter.encode(picture.width(), picture.height(), picture.rgb()));
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }
}
