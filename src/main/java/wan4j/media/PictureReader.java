package wan4j.media;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import wan4j.files.InputFile;
import wan4j.media.jpeg.JpegReader;
import wan4j.media.picture.DecodedPicture;
import wan4j.media.picture.Exif;
import wan4j.media.picture.PictureLimits;
import wan4j.media.picture.PngReader;
import wan4j.media.webp.WebpReader;
import wan4j.tensor.InputException;

/// Reads PNG, JPEG and WebP pictures as Pillow's `Image.open(file).convert("RGB")` does, without
/// alpha, and turns them upright where their EXIF data say so.
///
/// PNG and JPEG are decoded by ourselves, so they need no native library. WebP goes through FFmpeg,
/// which is here for videos anyway, and not through `java.desktop`, which would add 25 MB to a
/// run-time image and knows no WebP.
public final class PictureReader {
  private PictureReader() {}

  /// What becomes of the orientation in a picture's EXIF data, which cameras write instead of
  /// turning the pixels.
  public enum Orientation {
    /// The picture is turned upright, as programs that show pictures do.
    APPLY,
    /// The picture stays as its pixels are stored, as in the reference.
    IGNORE
  }

  /// Reads a picture upright; throws `InputException` when the file is missing, broken, too large
  /// or of another format. Its size is checked before anything is decoded.
  public static Picture read(Path file) {
    return read(file, Orientation.APPLY, note -> {});
  }

  /// Reads a picture, and tells in a sentence each what was done about its orientation and its
  /// transparency; throws `InputException` as `read` of a file alone does.
  public static Picture read(Path file, Orientation orientation, Consumer<String> notes) {
    DecodedPicture decoded = decode(file, bytes(file));
    if (decoded.isSeeThrough()) {
      notes.accept(
          "%s has transparent pixels; their colours are used without the transparency"
              .formatted(file));
    }
    Picture picture = new Picture(decoded.width(), decoded.height(), decoded.rgb());
    if (decoded.orientation() == Exif.UPRIGHT) {
      return picture;
    }
    if (orientation == Orientation.IGNORE) {
      notes.accept(
          "%s is left as it is stored, though its EXIF orientation is %d"
              .formatted(file, decoded.orientation()));
      return picture;
    }
    notes.accept(
        "%s is turned upright as its EXIF orientation %d says; the reference does not turn it (--exif ignore)"
            .formatted(file, decoded.orientation()));
    return picture.upright(decoded.orientation());
  }

  private static DecodedPicture decode(Path file, byte[] bytes) {
    if (PngReader.recognises(bytes)) {
      return PngReader.read(file, bytes);
    }
    if (JpegReader.recognises(bytes)) {
      return JpegReader.read(file, bytes);
    }
    if (WebpReader.recognises(bytes)) {
      return WebpReader.read(file, bytes);
    }
    throw new InputException(
        "%s is not a picture in a format that is read; give a PNG, JPEG or WebP file"
            .formatted(file));
  }

  private static byte[] bytes(Path file) {
    InputFile.require(file, "a PNG, JPEG or WebP picture");
    try {
      if (Files.size(file) > PictureLimits.LARGEST_FILE) {
        throw new InputException(
            "%s has %d bytes, more than a picture of %d million pixels needs; make it smaller first"
                .formatted(file, Files.size(file), PictureLimits.MOST_PIXELS / 1_000_000));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw InputFile.failure(file, e);
    }
  }
}
