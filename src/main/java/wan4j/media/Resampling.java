package wan4j.media;

import java.util.stream.IntStream;

/// The filters with which a picture changes its size, equal to Pillow's `Image.resize` to the bit:
/// antialiased, first along rows and then along columns, rounded to 8 bits after each.
///
/// Filters and fixed-point arithmetic follow python-pillow/Pillow 12.3.0,
/// src/libImaging/Resample.c.
public enum Resampling {
  /// The mean of the pixels that an output pixel covers.
  BOX(0.5),
  /// Linear between neighbours.
  BILINEAR(1),
  /// Cubic with a = -0.5.
  BICUBIC(2),
  /// A sinc under a window of three lobes.
  LANCZOS(3);

  /// 32 bits less 8 for the pixel and 2 for overshoot.
  private static final int PRECISION = 22;

  private final double support;

  Resampling(double support) {
    this.support = support;
  }

  /// Returns the picture at another size; throws `IllegalArgumentException` when a side is not
  /// positive.
  public Picture resize(Picture picture, int width, int height) {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException(
          "cannot resize a picture to %dx%d; sides must be at least 1".formatted(width, height));
    }
    byte[] rgb = picture.rgb().clone();
    if (width != picture.width()) {
      rgb = alongRows(rgb, new Weights(picture.width(), width), picture.width(), picture.height());
    }
    if (height != picture.height()) {
      rgb = alongColumns(rgb, new Weights(picture.height(), height), width);
    }
    return new Picture(width, height, rgb);
  }

  /// The fixed-point weights of the input pixels `first[i] ...` of every output pixel `i`.
  private final class Weights {
    final int[] first;
    final int[][] values;

    Weights(int inputs, int outputs) {
      double scale = (double) inputs / outputs;
      double stretch = Math.max(scale, 1);
      double reach = support * stretch;
      first = new int[outputs];
      values = new int[outputs][];
      for (int i = 0; i < outputs; i++) {
        double centre = (i + 0.5) * scale;
        first[i] = Math.max(0, (int) (centre - reach + 0.5));
        int count = Math.min(inputs, (int) (centre + reach + 0.5)) - first[i];
        double[] exact = new double[count];
        double sum = 0;
        for (int x = 0; x < count; x++) {
          exact[x] = filter((x + first[i] - centre + 0.5) * (1 / stretch));
          sum += exact[x];
        }
        values[i] = new int[count];
        for (int x = 0; x < count; x++) {
          double fixed = (sum == 0 ? exact[x] : exact[x] / sum) * (1 << PRECISION);
          values[i][x] = (int) (fixed < 0 ? fixed - 0.5 : fixed + 0.5);
        }
      }
    }
  }

  private double filter(double x) {
    double distance = Math.abs(x);
    return switch (this) {
      case BOX -> x > -0.5 && x <= 0.5 ? 1 : 0;
      case BILINEAR -> distance < 1 ? 1 - distance : 0;
      case BICUBIC -> cubic(distance);
      case LANCZOS -> x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    };
  }

  private static double cubic(double x) {
    double a = -0.5;
    if (x < 1) {
      return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }

  private static double sinc(double x) {
    return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
  }

  private static byte[] alongRows(byte[] rgb, Weights weights, int width, int height) {
    int outputs = weights.first.length;
    byte[] resized = new byte[Math.multiplyExact(outputs * 3, height)];
    IntStream.range(0, height)
        .parallel()
        .forEach(y -> {
          int to = y * outputs * 3;
          for (int i = 0; i < outputs; i++, to += 3) {
            int[] values = weights.values[i];
            int from = (y * width + weights.first[i]) * 3;
            int red = 1 << (PRECISION - 1);
            int green = red;
            int blue = red;
            for (int value : values) {
              red += value * (rgb[from] & 0xFF);
              green += value * (rgb[from + 1] & 0xFF);
              blue += value * (rgb[from + 2] & 0xFF);
              from += 3;
            }
            resized[to] = clip(red);
            resized[to + 1] = clip(green);
            resized[to + 2] = clip(blue);
          }
        });
    return resized;
  }

  private static byte[] alongColumns(byte[] rgb, Weights weights, int width) {
    int length = width * 3;
    byte[] resized = new byte[Math.multiplyExact(length, weights.first.length)];
    IntStream.range(0, weights.first.length)
        .parallel()
        .forEach(i -> {
          int[] sums = new int[length];
          java.util.Arrays.fill(sums, 1 << (PRECISION - 1));
          int from = weights.first[i] * length;
          for (int value : weights.values[i]) {
            for (int x = 0; x < length; x++) {
              sums[x] += value * (rgb[from + x] & 0xFF);
            }
            from += length;
          }
          for (int x = 0; x < length; x++) {
            resized[i * length + x] = clip(sums[x]);
          }
        });
    return resized;
  }

  private static byte clip(int fixed) {
    return (byte) Math.clamp(fixed >> PRECISION, 0, 255);
  }
}
