package wan4j.media.webp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import wan4j.media.picture.Exif;
import wan4j.media.picture.PictureLimits;
import wan4j.tensor.InputException;

/// The chunks of a WebP file, looked at before any pixel is decoded (RFC 9649, sections 2.3 to
/// 2.7).
///
/// @param orientation what the file's EXIF data say, 1 to 8
record WebpContainer(int orientation) {
  private static final int RIFF = fourLetters("RIFF");
  private static final int WEBP = fourLetters("WEBP");
  private static final int LOSSY = fourLetters("VP8 ");
  private static final int LOSSLESS = fourLetters("VP8L");
  private static final int EXTENDED = fourLetters("VP8X");
  private static final int ANIMATION = fourLetters("ANIM");
  private static final int FRAME = fourLetters("ANMF");
  private static final int EXIF = fourLetters("EXIF");
  private static final int IS_ANIMATED = 2;

  /// Says whether the bytes begin as a WebP file does.
  static boolean recognises(byte[] bytes) {
    if (bytes.length < 12) {
      return false;
    }
    ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return data.getInt(0) == RIFF && data.getInt(8) == WEBP;
  }

  /// Walks over the chunks; throws `InputException` when the file ends early, is animated, holds no
  /// picture or one that is too large.
  static WebpContainer read(Path file, byte[] bytes) {
    ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long length = (data.getInt(4) & 0xFFFFFFFFL) + 8;
    if (length > bytes.length) {
      throw broken(file, "it ends early");
    }
    int orientation = Exif.UPRIGHT;
    boolean hasPicture = false;
    int parts = 0;
    long pixels = 0;
    for (long at = 12; at + 8 <= length; ) {
      int name = data.getInt((int) at);
      long size = data.getInt((int) at + 4) & 0xFFFFFFFFL;
      long start = at + 8;
      if (start + size > length) {
        throw broken(file, "it ends early");
      }
      if (++parts > PictureLimits.mostParts(pixels)) {
        throw broken(file, "it has more parts than a picture of its size needs");
      }
      ByteBuffer body = data.slice((int) start, (int) size).order(ByteOrder.LITTLE_ENDIAN);
      boolean isAnimated =
          name == ANIMATION
              || name == FRAME
              || (name == EXTENDED && size > 0 && (body.get(0) & IS_ANIMATED) != 0);
      if (isAnimated) {
        throw new InputException(
            "%s is an animated WebP; give one picture, such as a frame of it saved as PNG"
                .formatted(file));
      }
      if (name == LOSSY || name == LOSSLESS) {
        pixels = checkSize(file, name == LOSSY, body);
        hasPicture = true;
      }
      if (name == EXIF) {
        orientation = orientation(body);
      }
      at = start + size + (size & 1);
    }
    if (!hasPicture) {
      throw broken(file, "it holds no picture");
    }
    return new WebpContainer(orientation);
  }

  /// Checks the size that a picture's own header names and returns its pixels.
  private static long checkSize(Path file, boolean isLossy, ByteBuffer body) {
    if (body.remaining() < (isLossy ? 10 : 5)) {
      throw broken(file, "it ends early");
    }
    int width;
    int height;
    if (isLossy) {
      width = body.getShort(6) & 0x3FFF;
      height = body.getShort(8) & 0x3FFF;
    } else {
      int bits = body.getInt(1);
      width = (bits & 0x3FFF) + 1;
      height = (bits >>> 14 & 0x3FFF) + 1;
    }
    PictureLimits.check(file, width, height);
    return (long) width * height;
  }

  /// Some programs put the mark of JPEG in front of the data.
  private static int orientation(ByteBuffer body) {
    boolean isMarked = body.remaining() > 6 && body.getInt(0) == fourLetters("Exif");
    return Exif.orientation(isMarked ? body.slice(6, body.remaining() - 6) : body);
  }

  private static int fourLetters(String name) {
    return name.charAt(0) | name.charAt(1) << 8 | name.charAt(2) << 16 | name.charAt(3) << 24;
  }

  private static InputException broken(Path file, String what) {
    return new InputException(
        "cannot read picture %s: %s; give a whole PNG, JPEG or WebP file".formatted(file, what));
  }
}
