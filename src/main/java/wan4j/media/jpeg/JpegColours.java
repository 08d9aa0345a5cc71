package wan4j.media.jpeg;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.media.picture.Plane;

/// Turns a JPEG's luma and chroma into RGB to the bit as libjpeg does: chroma enlarged with a
/// triangle filter ("fancy upsampling"), colours in 16-bit fixed point (libjpeg-turbo/libjpeg-turbo
/// 3.1, src/jdsample.c and src/jdcolor.c).
final class JpegColours {
  private static final int HALF = 1 << 15;
  private static final int NEARLY_BLACK = 4;

  private JpegColours() {}

  /// Writes grey pixels.
  static void greyToRgb(Plane luma, byte[] rgb) {
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
  static void toRgb(List<Channel> channels, boolean isRgb, int width, byte[] rgb) {
    IntStream.range(0, rgb.length / 3 / width)
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
            rgb[i] = (byte) red(first[x], third[x]);
            rgb[i + 1] = (byte) green(first[x], second[x], third[x]);
            rgb[i + 2] = (byte) blue(first[x], second[x]);
          }
        });
  }

  /// Writes coloured pixels of four components: cyan, magenta, yellow and black, or the first three
  /// of them as luma and chroma.
  ///
  /// Values are brightness and not ink in all files of Adobe's programs, which mark them. Pillow
  /// takes the unmarked ones for the same (python-pillow/Pillow 0150848,
  /// src/PIL/JpegImagePlugin.py) and so do we, unless nothing but black would be left: then the
  /// values are ink.
  static void inksToRgb(
      List<Channel> channels, boolean isYcck, boolean isAdobe, int width, byte[] rgb) {
    boolean isInk = !isAdobe && isBlackThroughout(channels.getLast().plane);
    IntStream.range(0, rgb.length / 3 / width)
        .parallel()
        .forEach(y -> {
          int[][] rows = new int[4][];
          for (int c = 0; c < 4; c++) {
            rows[c] = enlargedRow(channels.get(c), y);
          }
          for (int x = 0, i = y * width * 3; x < width; x++, i += 3) {
            int first = rows[0][x];
            int second = rows[1][x];
            int third = rows[2][x];
            int cyan = isYcck ? 255 - red(first, third) : first;
            int magenta = isYcck ? 255 - green(first, second, third) : second;
            int yellow = isYcck ? 255 - blue(first, second) : third;
            int white = isInk ? 255 - rows[3][x] : rows[3][x];
            rgb[i] = lit(isInk ? cyan : 255 - cyan, white);
            rgb[i + 1] = lit(isInk ? magenta : 255 - magenta, white);
            rgb[i + 2] = lit(isInk ? yellow : 255 - yellow, white);
          }
        });
  }

  /// Says whether brightness is so low everywhere that no colour would be seen.
  private static boolean isBlackThroughout(Plane plane) {
    for (int y = 0; y < plane.height; y++) {
      for (int x = 0; x < plane.width; x++) {
        if (plane.at(x, y) > NEARLY_BLACK) {
          return false;
        }
      }
    }
    return true;
  }

  /// Returns what is left of white light under an ink, as Pillow's `cmyk2rgb` has it
  /// (python-pillow/Pillow 12.3.0, src/libImaging/Convert.c).
  private static byte lit(int ink, int white) {
    int product = ink * white + 128;
    return clip(white - (((product >> 8) + product) >> 8));
  }

  private static int red(int level, int r) {
    return Math.clamp(level + ((fixed(1.402) * (r - 128) + HALF) >> 16), 0, 255);
  }

  private static int green(int level, int b, int r) {
    int chroma = -fixed(0.34414) * (b - 128) - fixed(0.71414) * (r - 128);
    return Math.clamp(level + ((chroma + HALF) >> 16), 0, 255);
  }

  private static int blue(int level, int b) {
    return Math.clamp(level + ((fixed(1.772) * (b - 128) + HALF) >> 16), 0, 255);
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
