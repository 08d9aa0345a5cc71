package wan4j.media.jpeg;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.media.picture.Plane;

/// Turns a JPEG's luma and chroma into RGB to the bit as libjpeg does: chroma enlarged with a
/// triangle filter ("fancy upsampling"), colours in 16-bit fixed point (libjpeg-turbo/libjpeg-turbo
/// 3.1, src/jdsample.c and src/jdcolor.c).
final class JpegColours {
  private static final int HALF = 1 << 15;

  private JpegColours() {}

  /// Writes grey pixels.
  static void toRgb(Plane luma, byte[] rgb) {
    for (int y = 0, i = 0; y < luma.height; y++) {
      for (int x = 0; x < luma.width; x++) {
        byte value = (byte) luma.at(x, y);
        rgb[i++] = value;
        rgb[i++] = value;
        rgb[i++] = value;
      }
    }
  }

  /// A component and how many pixels each of its values covers.
  record Channel(Plane plane, int columns, int rows) {}

  /// Writes coloured pixels of three components: RGB, or luma and the two chromas.
  static void toRgb(List<Channel> channels, boolean isRgb, int width, int height, byte[] rgb) {
    IntStream.range(0, height)
        .parallel()
        .forEach(y -> {
          int[] first = enlargedRow(channels.get(0), y);
          int[] second = enlargedRow(channels.get(1), y);
          int[] third = enlargedRow(channels.get(2), y);
          for (int x = 0, i = y * width * 3; x < width; x++, i += 3) {
            if (isRgb) {
              rgb[i] = (byte) first[x];
              rgb[i + 1] = (byte) second[x];
              rgb[i + 2] = (byte) third[x];
              continue;
            }
            int level = first[x];
            int b = second[x] - 128;
            int r = third[x] - 128;
            rgb[i] = clip(level + ((fixed(1.402) * r + HALF) >> 16));
            rgb[i + 1] = clip(level + ((-fixed(0.34414) * b - fixed(0.71414) * r + HALF) >> 16));
            rgb[i + 2] = clip(level + ((fixed(1.772) * b + HALF) >> 16));
          }
        });
  }

  private static int fixed(double x) {
    return (int) (x * 65536 + 0.5);
  }

  private static byte clip(int value) {
    return (byte) Math.clamp(value, 0, 255);
  }

  /// Returns the values of row `y` of the picture, at least as many as the picture is wide.
  private static int[] enlargedRow(Channel channel, int y) {
    Plane plane = channel.plane;
    int columns = channel.columns;
    int rows = channel.rows;
    boolean smooth = rows <= 2 && (columns == 2 ? plane.width > 2 : columns == 1 && rows == 2);
    if (!smooth) {
      int[] row = new int[plane.width * columns];
      for (int x = 0; x < row.length; x++) {
        row[x] = plane.at(x / columns, y / rows);
      }
      return row;
    }
    int near = y / rows;
    int far = y % rows == 0 ? near - 1 : near + 1;
    if (columns == 1) {
      int[] row = new int[plane.width];
      for (int x = 0; x < row.length; x++) {
        row[x] = (3 * plane.at(x, near) + plane.at(x, far) + (y % 2 == 0 ? 1 : 2)) >> 2;
      }
      return row;
    }
    // Sums over one row weigh 1, over two 4; the roundings differ so that errors do not add up.
    int[] sums = new int[plane.width];
    for (int x = 0; x < sums.length; x++) {
      sums[x] = rows == 1 ? plane.at(x, near) : 3 * plane.at(x, near) + plane.at(x, far);
    }
    int shift = rows == 1 ? 2 : 4;
    int even = rows == 1 ? 1 : 8;
    int odd = rows == 1 ? 2 : 7;
    int last = sums.length - 1;
    int[] row = new int[sums.length * 2];
    for (int x = 0; x <= last; x++) {
      int before = x == 0 ? sums[0] : sums[x - 1];
      int after = x == last ? sums[last] : sums[x + 1];
      row[2 * x] = (3 * sums[x] + before + even) >> shift;
      row[2 * x + 1] = (3 * sums[x] + after + odd) >> shift;
    }
    return row;
  }
}
