package wan4j.media;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A still picture of 8-bit red, green and blue values.
public final class Picture {
  private final int width;
  private final int height;
  private final byte[] rgb;

  /// Creates a picture over the given bytes themselves, three a pixel, row by row; throws
  /// `IllegalArgumentException` when a side is not positive or the count differs from `width *
  /// height * 3`.
  public Picture(int width, int height, byte[] rgb) {
    if (width < 1 || height < 1 || rgb.length != (long) width * height * 3) {
      throw new IllegalArgumentException(
          "%d bytes were given for a picture of %dx%d, which needs sides of at least 1 and 3 bytes a pixel"
              .formatted(rgb.length, width, height));
    }
    this.width = width;
    this.height = height;
    this.rgb = rgb;
  }

  /// Creates a picture from a copy of an unsigned byte tensor `[height, width, 3]`; throws
  /// `IllegalArgumentException` for any other tensor.
  public static Picture of(Tensor pixels) {
    if (pixels.dtype() != DType.U8 || pixels.shape().rank() != 3 || pixels.shape().size(2) != 3) {
      throw new IllegalArgumentException(
          "got " + pixels + " as a picture, expected U8 [height, width, 3]");
    }
    return new Picture(
        pixels.length(1), pixels.length(0), pixels.segment().toArray(ValueLayout.JAVA_BYTE));
  }

  /// Returns the number of pixels in a row.
  public int width() {
    return width;
  }

  /// Returns the number of rows.
  public int height() {
    return height;
  }

  /// Returns the bytes themselves, three a pixel, row by row.
  public byte[] rgb() {
    return rgb;
  }

  /// Returns the pixels as an unsigned byte tensor `[height, width, 3]` that shares the bytes.
  public Tensor pixels() {
    return Tensor.of(rgb, height, width, 3);
  }

  /// Returns the part of `width` by `height` pixels whose left upper corner is at `(left, top)`;
  /// throws `IndexOutOfBoundsException` when it reaches over an edge.
  public Picture crop(int left, int top, int width, int height) {
    java.util.Objects.checkFromIndexSize(left, width, this.width);
    java.util.Objects.checkFromIndexSize(top, height, this.height);
    byte[] part = new byte[width * height * 3];
    for (int y = 0; y < height; y++) {
      System.arraycopy(rgb, ((top + y) * this.width + left) * 3, part, y * width * 3, width * 3);
    }
    return new Picture(width, height, part);
  }

  /// Returns the picture upright, as its EXIF orientation of 1 to 8 asks: turned clockwise, and
  /// mirrored for the orientations that only mirrored pictures have.
  Picture upright(int orientation) {
    return switch (orientation) {
      case 1 -> this;
      case 2 -> mirrored();
      case 3 -> turned(2);
      case 4 -> turned(2).mirrored();
      case 5 -> turned(1).mirrored();
      case 6 -> turned(1);
      case 7 -> turned(3).mirrored();
      case 8 -> turned(3);
      default ->
          throw new IllegalArgumentException(
              "got EXIF orientation %d, expected 1 to 8".formatted(orientation));
    };
  }

  /// Returns the picture turned clockwise by a number of quarter turns.
  Picture turned(int quarterTurns) {
    Picture turned = this;
    for (int i = 0; i < Math.floorMod(quarterTurns, 4); i++) {
      turned = turned.turnedOnce();
    }
    return turned;
  }

  private Picture turnedOnce() {
    byte[] target = new byte[rgb.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        copyPixel(y * width + x, target, x * height + (height - 1 - y));
      }
    }
    return new Picture(/* width= */ height, /* height= */ width, target);
  }

  /// Returns the picture with left and right exchanged.
  private Picture mirrored() {
    byte[] target = new byte[rgb.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        copyPixel(y * width + x, target, y * width + (width - 1 - x));
      }
    }
    return new Picture(width, height, target);
  }

  private void copyPixel(int from, byte[] target, int to) {
    target[to * 3] = rgb[from * 3];
    target[to * 3 + 1] = rgb[from * 3 + 1];
    target[to * 3 + 2] = rgb[from * 3 + 2];
  }

  /// Copies the bytes into memory, from its start on.
  void copyTo(MemorySegment target) {
    MemorySegment.copy(rgb, 0, target, ValueLayout.JAVA_BYTE, 0, rgb.length);
  }
}
