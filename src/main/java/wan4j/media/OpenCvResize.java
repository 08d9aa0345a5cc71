package wan4j.media;

import java.util.Arrays;
import java.util.stream.IntStream;
import wan4j.media.Sizing.Size;

/// Pictures made smaller and larger as OpenCV does it (opencv/opencv 4.x,
/// modules/imgproc/src/resize.cpp), to the bit: bytes by 11-bit fixed point, areas by float sums.
public final class OpenCvResize {
  private static final int CHANNELS = 3;
  private static final int ONE = 1 << 11;
  private static final double THIN = 1e-3; // parts of a pixel that count as none

  private OpenCvResize() {}

  /// How pixels in between are made.
  public enum Filter {
    /// Between the four nearest pixels, `INTER_LINEAR`.
    LINEAR,
    /// The mean of what a pixel covers, `INTER_AREA`; only for smaller pictures.
    AREA
  }

  /// Returns a picture of another size; throws `IllegalArgumentException` when a side is not
  /// positive, or larger than before with `AREA`.
  public static Picture resize(Picture picture, int width, int height, Filter filter) {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException("got %dx%d as a size".formatted(width, height));
    }
    return switch (filter) {
      case LINEAR -> linear(picture, width, height);
      case AREA -> area(picture, width, height);
    };
  }

  /// Returns a picture of the given size in whose middle the whole of another lies, as large as
  /// fits; the rest is black. Sides and offsets are rounded down (Wan2.2 42bf4cf,
  /// wan/modules/animate/preprocess/utils.py `padding_resize`).
  public static Picture letterbox(Picture picture, int width, int height, Filter filter) {
    return letterbox(picture, width, height, filter, new byte[CHANNELS]);
  }

  /// Returns it with a border of another colour: red, green and blue.
  public static Picture letterbox(
      Picture picture, int width, int height, Filter filter, byte[] border) {
    boolean isTall = (double) picture.height() / picture.width() > (double) height / width;
    int innerWidth = isTall ? (int) ((double) height / picture.height() * picture.width()) : width;
    int innerHeight = isTall ? height : (int) ((double) width / picture.width() * picture.height());
    Picture inner = resize(picture, Math.max(1, innerWidth), Math.max(1, innerHeight), filter);
    int left = isTall ? (width - inner.width()) / 2 : 0;
    int top = isTall ? 0 : (height - inner.height()) / 2;
    byte[] whole = new byte[Math.multiplyExact(width * CHANNELS, height)];
    for (int i = 0; i < whole.length; i++) {
      whole[i] = border[i % CHANNELS];
    }
    for (int y = 0; y < inner.height(); y++) {
      System.arraycopy(
          inner.rgb(),
          y * inner.width() * CHANNELS,
          whole,
          ((top + y) * width + left) * CHANNELS,
          inner.width() * CHANNELS);
    }
    return new Picture(width, height, whole);
  }

  /// Returns the size nearest below an area that keeps a picture's shape, with sides that are
  /// multiples of `step`: the rule that the reference comes to in every case (Wan2.2 42bf4cf,
  /// wan/modules/animate/preprocess/utils.py `resize_by_area`). A side may be 0 where the picture
  /// is too long and narrow for the area.
  public static int[] sidesOfArea(int width, int height, long area, int step) {
    double high = Math.sqrt(area / ((double) width / height));
    double wide = area / high;
    return new int[] {
      (int) (Math.floor(wide / step) * step), (int) (Math.floor(high / step) * step)
    };
  }

  /// Returns a picture within a size that `sidesOfArea` gives: by area where it becomes smaller.
  public static Picture fit(Picture picture, Size size) {
    boolean isSmaller =
        (long) size.width() * size.height() < (long) picture.width() * picture.height();
    return letterbox(picture, size.width(), size.height(), isSmaller ? Filter.AREA : Filter.LINEAR);
  }

  /// Returns float32 values `[height, width, channels]` at another size, linearly.
  public static float[] linear(
      float[] values, int width, int height, int channels, int newWidth, int newHeight) {
    Taps columns = Taps.of(width, newWidth, true);
    Taps rows = Taps.of(height, newHeight, false);
    float[] result = new float[newWidth * newHeight * channels];
    for (int y = 0; y < newHeight; y++) {
      int upper = Math.clamp(rows.first[y], 0, height - 1) * width * channels;
      int lower = Math.clamp(rows.first[y] + 1L, 0, height - 1) * width * channels;
      float below = rows.second[y];
      for (int x = 0; x < newWidth; x++) {
        int left = columns.first[x] * channels;
        int right = Math.min(columns.first[x] + 1, width - 1) * channels;
        float part = columns.second[x];
        for (int c = 0; c < channels; c++) {
          float above = values[upper + left + c] * (1 - part) + values[upper + right + c] * part;
          float under = values[lower + left + c] * (1 - part) + values[lower + right + c] * part;
          result[(y * newWidth + x) * channels + c] = above * (1 - below) + under * below;
        }
      }
    }
    return result;
  }

  private static Picture linear(Picture picture, int width, int height) {
    if (picture.width() == width * 2 && picture.height() == height * 2) {
      return area(picture, width, height); // as OpenCV does for exactly half
    }
    Taps columns = Taps.of(picture.width(), width, true);
    Taps rows = Taps.of(picture.height(), height, false);
    byte[] source = picture.rgb();
    byte[] target = new byte[Math.multiplyExact(width * CHANNELS, height)];
    int last = picture.height() - 1;
    IntStream.range(0, height)
        .parallel()
        .forEach(y -> {
          int[] upper = row(source, picture.width(), Math.clamp(rows.first[y], 0, last), columns);
          int[] lower =
              row(source, picture.width(), Math.clamp(rows.first[y] + 1L, 0, last), columns);
          int above = weight(1 - rows.second[y]);
          int below = weight(rows.second[y]);
          for (int i = 0; i < upper.length; i++) {
            int sum = (above * (upper[i] >> 4) >> 16) + (below * (lower[i] >> 4) >> 16) + 2 >> 2;
            target[y * width * CHANNELS + i] = (byte) sum;
          }
        });
    return new Picture(width, height, target);
  }

  /// Returns a row of a picture at another width, in 11-bit fixed point.
  private static int[] row(byte[] source, int width, int y, Taps columns) {
    int[] row = new int[columns.first.length * CHANNELS];
    int start = y * width * CHANNELS;
    for (int x = 0; x < columns.first.length; x++) {
      int left = start + columns.first[x] * CHANNELS;
      int right = start + Math.min(columns.first[x] + 1, width - 1) * CHANNELS;
      int one = weight(1 - columns.second[x]);
      int two = weight(columns.second[x]);
      for (int c = 0; c < CHANNELS; c++) {
        row[x * CHANNELS + c] = (source[left + c] & 0xFF) * one + (source[right + c] & 0xFF) * two;
      }
    }
    return row;
  }

  private static int weight(float part) {
    return (int) Math.rint(part * ONE);
  }

  /// The first of the two neighbours of each new pixel, and the weight of the second.
  private record Taps(int[] first, float[] second) {
    static Taps of(int from, int to, boolean isClamped) {
      double scale = 1 / ((double) to / from);
      int[] first = new int[to];
      float[] second = new float[to];
      for (int i = 0; i < to; i++) {
        float at = (float) ((i + 0.5) * scale - 0.5);
        first[i] = (int) Math.floor(at);
        second[i] = at - first[i];
        if (isClamped && (first[i] < 0 || first[i] >= from - 1)) {
          first[i] = first[i] < 0 ? 0 : from - 1;
          second[i] = 0;
        }
      }
      return new Taps(first, second);
    }
  }

  private static Picture area(Picture picture, int width, int height) {
    if (width > picture.width() || height > picture.height()) {
      throw new IllegalArgumentException(
          "a picture of %dx%d has no areas for one of %dx%d"
              .formatted(picture.width(), picture.height(), width, height));
    }
    byte[] target = new byte[Math.multiplyExact(width * CHANNELS, height)];
    if (picture.width() % width == 0 && picture.height() % height == 0) {
      blocks(picture, width, height, target);
    } else {
      cells(picture, width, height, target);
    }
    return new Picture(width, height, target);
  }

  /// Means of whole pixels: blocks of 2 x 2 in integers, others by a float factor.
  private static void blocks(Picture picture, int width, int height, byte[] target) {
    int across = picture.width() / width;
    int down = picture.height() / height;
    boolean isQuarter = across == 2 && down == 2;
    float factor = 1f / (across * down);
    byte[] source = picture.rgb();
    IntStream.range(0, height)
        .parallel()
        .forEach(y -> {
          for (int x = 0; x < width; x++) {
            for (int c = 0; c < CHANNELS; c++) {
              int sum = 0;
              for (int i = 0; i < down; i++) {
                int at = ((y * down + i) * picture.width() + x * across) * CHANNELS + c;
                for (int j = 0; j < across; j++) {
                  sum += source[at + j * CHANNELS] & 0xFF;
                }
              }
              target[(y * width + x) * CHANNELS + c] =
                  (byte) (isQuarter ? sum + 2 >> 2 : (int) Math.rint(sum * factor));
            }
          }
        });
  }

  /// Means of pixels and parts of pixels.
  private static void cells(Picture picture, int width, int height, byte[] target) {
    Cells columns = Cells.of(picture.width(), width);
    Cells rows = Cells.of(picture.height(), height);
    byte[] source = picture.rgb();
    IntStream.range(0, height)
        .parallel()
        .forEach(y -> {
          float[] sum = new float[width * CHANNELS];
          float[] line = new float[width * CHANNELS];
          for (int i = rows.starts[y]; i < rows.starts[y + 1]; i++) {
            Arrays.fill(line, 0);
            int start = rows.sources[i] * picture.width() * CHANNELS;
            for (int x = 0; x < width; x++) {
              for (int j = columns.starts[x]; j < columns.starts[x + 1]; j++) {
                int at = start + columns.sources[j] * CHANNELS;
                for (int c = 0; c < CHANNELS; c++) {
                  line[x * CHANNELS + c] += (source[at + c] & 0xFF) * columns.weights[j];
                }
              }
            }
            for (int k = 0; k < sum.length; k++) {
              sum[k] += rows.weights[i] * line[k];
            }
          }
          for (int k = 0; k < sum.length; k++) {
            target[y * width * CHANNELS + k] = (byte) Math.clamp((long) Math.rint(sum[k]), 0, 255);
          }
        });
  }

  /// Which pixels each new pixel covers, and how much of it each makes up: those of new pixel `i`
  /// are from `starts[i]` to `starts[i + 1]`.
  private record Cells(int[] starts, int[] sources, float[] weights) {
    static Cells of(int from, int to) {
      double scale = 1 / ((double) to / from);
      int most = from + 2 * to;
      int[] starts = new int[to + 1];
      int[] sources = new int[most];
      float[] weights = new float[most];
      int count = 0;
      for (int i = 0; i < to; i++) {
        starts[i] = count;
        double begin = i * scale;
        double end = begin + scale;
        double width = Math.min(scale, from - begin);
        int last = Math.min((int) Math.floor(end), from - 1);
        int first = Math.min((int) Math.ceil(begin), last);
        if (first - begin > THIN) {
          sources[count] = first - 1;
          weights[count++] = (float) ((first - begin) / width);
        }
        for (int whole = first; whole < last; whole++) {
          sources[count] = whole;
          weights[count++] = (float) (1 / width);
        }
        if (end - last > THIN) {
          sources[count] = last;
          weights[count++] = (float) (Math.min(Math.min(end - last, 1), width) / width);
        }
      }
      starts[to] = count;
      return new Cells(starts, sources, weights);
    }
  }
}
