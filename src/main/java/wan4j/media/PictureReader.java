package wan4j.media;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import wan4j.media.jpeg.JpegReader;
import wan4j.media.picture.PictureLimits;
import wan4j.media.picture.PngReader;
import wan4j.media.webp.CodedPictures;
import wan4j.tensor.InputException;

/// Reads PNG, JPEG and WebP pictures as Pillow's `Image.open(file).convert("RGB")` does: without
/// alpha, and without regard to a camera's orientation mark.
///
/// PNG is decoded by ourselves, so it needs no native library. JPEG and WebP go through FFmpeg,
/// which is here for videos anyway, and not through `java.desktop`, which would add 25 MB to a
/// run-time image and knows no WebP.
public final class PictureReader {
  private PictureReader() {}

  /// Reads a picture; throws `InputException` when the file is missing, broken, too large or of
  /// another format. Its size is checked before anything is decoded.
  public static Picture read(Path file) {
    byte[] bytes = bytes(file);
    if (PngReader.recognises(bytes)) {
      return PngReader.read(file, bytes);
    }
    if (JpegReader.recognises(bytes)) {
      return JpegReader.read(file, bytes);
    }
    if (starts(bytes, 0, 'R', 'I', 'F', 'F') && starts(bytes, 8, 'W', 'E', 'B', 'P')) {
      return CodedPictures.read(file, "webp_pipe");
    }
    throw new InputException(
        "%s is no picture that can be read; give a PNG, JPEG or WebP file".formatted(file));
  }

  private static byte[] bytes(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw new InputException(
            "cannot read picture %s: there is no such file; check the name".formatted(file));
      }
      if (Files.size(file) > PictureLimits.LARGEST_FILE) {
        throw new InputException(
            "%s has %d bytes, more than a picture of %d million pixels needs; make it smaller first"
                .formatted(file, Files.size(file), PictureLimits.MOST_PIXELS / 1_000_000));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(
          "cannot read picture %s: %s; check the file and its permissions"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private static boolean starts(byte[] bytes, int from, int... prefix) {
    if (bytes.length < from + prefix.length) {
      return false;
    }
    for (int i = 0; i < prefix.length; i++) {
      if ((bytes[from + i] & 0xFF) != prefix[i]) {
        return false;
      }
    }
    return true;
  }
}
