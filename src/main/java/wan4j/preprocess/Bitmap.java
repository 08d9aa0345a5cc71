package wan4j.preprocess;

import wan4j.media.Picture;

/// A mask: one byte a pixel, row by row, 1 where the person is.
record Bitmap(int width, int height, byte[] bits) {
  private static final int HALF = 128;

  static Bitmap empty(int width, int height) {
    return new Bitmap(width, height, new byte[Math.multiplyExact(width, height)]);
  }

  /// Returns where a picture is brighter than grey.
  static Bitmap of(Picture picture) {
    Bitmap mask = empty(picture.width(), picture.height());
    byte[] rgb = picture.rgb();
    for (int i = 0; i < mask.bits.length; i++) {
      int sum = (rgb[i * 3] & 0xFF) + (rgb[i * 3 + 1] & 0xFF) + (rgb[i * 3 + 2] & 0xFF);
      mask.bits[i] = (byte) (sum >= 3 * HALF ? 1 : 0);
    }
    return mask;
  }

  boolean isEmpty() {
    for (byte bit : bits) {
      if (bit != 0) {
        return false;
      }
    }
    return true;
  }

  /// Returns the mask as a picture, white where the person is.
  Picture picture() {
    byte[] rgb = new byte[bits.length * 3];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) (bits[i / 3] == 0 ? 0 : 255);
    }
    return new Picture(width, height, rgb);
  }

  /// Returns a picture that is black where the person is; throws `IllegalArgumentException` for one
  /// of another size.
  Picture background(Picture picture) {
    if (picture.width() != width || picture.height() != height) {
      throw new IllegalArgumentException(
          "got a picture of %dx%d for a mask of %dx%d"
              .formatted(picture.width(), picture.height(), width, height));
    }
    byte[] rgb = picture.rgb().clone();
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = bits[i / 3] == 0 ? rgb[i] : 0;
    }
    return new Picture(width, height, rgb);
  }
}
