package wan4j.media.picture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// The one fact that is read of the EXIF data of cameras: how a picture is to be turned.
public final class Exif {
  /// Not turned at all; also what a picture without EXIF data has.
  public static final int UPRIGHT = 1;

  private static final int ORIENTATION = 0x0112;
  private static final int SHORT = 3;
  private static final int ENTRY = 12;

  private Exif() {}

  /// Returns the orientation, 1 to 8, in EXIF data that begin with their TIFF header; data that are
  /// damaged or name none give 1.
  public static int orientation(ByteBuffer data) {
    ByteBuffer tiff = data.slice();
    if (tiff.remaining() < 8) {
      return UPRIGHT;
    }
    switch (tiff.getShort(0)) {
      case 0x4949 -> tiff.order(ByteOrder.LITTLE_ENDIAN);
      case 0x4D4D -> tiff.order(ByteOrder.BIG_ENDIAN);
      default -> {
        return UPRIGHT;
      }
    }
    long directory = tiff.getInt(4) & 0xFFFFFFFFL;
    if (tiff.getShort(2) != 42 || directory + 2 > tiff.limit()) {
      return UPRIGHT;
    }
    int count = tiff.getShort((int) directory) & 0xFFFF;
    for (int i = 0; i < count; i++) {
      long entry = directory + 2 + (long) i * ENTRY;
      if (entry + ENTRY > tiff.limit()) {
        return UPRIGHT;
      }
      int at = (int) entry;
      if ((tiff.getShort(at) & 0xFFFF) == ORIENTATION) {
        int value = tiff.getShort(at + 2) == SHORT ? tiff.getShort(at + 8) : UPRIGHT;
        return value >= 1 && value <= 8 ? value : UPRIGHT;
      }
    }
    return UPRIGHT;
  }
}
