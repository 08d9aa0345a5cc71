package wan4j.preprocess;

/// Turns the heat maps of a pose network into points of the picture: the largest value of each,
/// moved by one step of Newton's method on the logarithm of the smoothed map (Zhang et al.,
/// Distribution-Aware Coordinate Representation for Human Pose Estimation; Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/pose2d_utils.py `keypoints_from_heatmaps`).
final class HeatMaps {
  private static final int RADIUS = 5;
  private static final double DEVIATION = 2; // OpenCV's for a kernel of 11
  private static final float[] KERNEL = kernel();
  private static final double LEAST = 1e-10;
  private static final double UNIT = 200;

  private HeatMaps() {}

  private static float[] kernel() {
    float[] kernel = new float[2 * RADIUS + 1];
    double sum = 0;
    for (int i = 0; i < kernel.length; i++) {
      sum += weight(i);
    }
    for (int i = 0; i < kernel.length; i++) {
      kernel[i] = (float) (weight(i) / sum);
    }
    return kernel;
  }

  private static double weight(int i) {
    return Math.exp(-(i - RADIUS) * (i - RADIUS) / (2 * DEVIATION * DEVIATION));
  }

  /// Returns x, y and score of each of the maps `[points, height, width]` of a crop that lies where
  /// `center` and `scale` say.
  static float[] points(float[] maps, int width, int height, double[] center, double[] scale) {
    int size = width * height;
    float[] points = new float[maps.length / size * 3];
    for (int k = 0; k * size < maps.length; k++) {
      int best = 0;
      for (int i = 1; i < size; i++) {
        best = maps[k * size + i] > maps[k * size + best] ? i : best;
      }
      float score = maps[k * size + best];
      double x = score > 0 ? best % width : -1;
      double y = score > 0 ? best / width : -1;
      if (1 < x && x < width - 2 && 1 < y && y < height - 2) {
        double[] offset = offset(maps, k * size, width, height, best, score);
        x += offset[0];
        y += offset[1];
      }
      points[k * 3] = onPicture(x, width, center[0], scale[0]);
      points[k * 3 + 1] = onPicture(y, height, center[1], scale[1]);
      points[k * 3 + 2] = score;
    }
    return points;
  }

  private static float onPicture(double at, int pixels, double center, double scale) {
    double side = scale * UNIT;
    return (float) ((float) at * (side / pixels) + center - side * 0.5);
  }

  /// Returns how far the true maximum is from the largest pixel.
  private static double[] offset(
      float[] maps, int start, int width, int height, int best, float largest) {
    float[] smooth = smoothed(maps, start, width, height);
    float top = smooth[0];
    for (float value : smooth) {
      top = Math.max(top, value);
    }
    Logarithms at = new Logarithms(smooth, largest / top, best, width);
    double dx = 0.5 * (at.value(1, 0) - at.value(-1, 0));
    double dy = 0.5 * (at.value(0, 1) - at.value(0, -1));
    double dxx = 0.25 * (at.value(2, 0) - 2 * at.value(0, 0) + at.value(-2, 0));
    double dyy = 0.25 * (at.value(0, 2) - 2 * at.value(0, 0) + at.value(0, -2));
    double dxy = 0.25 * (at.value(1, 1) - at.value(1, -1) - at.value(-1, 1) + at.value(-1, -1));
    double determinant = dxx * dyy - dxy * dxy;
    if (determinant == 0) {
      return new double[2];
    }
    return new double[] {
      -(dyy * dx - dxy * dy) / determinant, -(dxx * dy - dxy * dx) / determinant
    };
  }

  /// The logarithms of a smoothed map around a pixel.
  private record Logarithms(float[] map, float factor, int pixel, int width) {
    float value(int right, int down) {
      return (float) Math.log(Math.max(map[pixel + down * width + right] * factor, LEAST));
    }
  }

  /// Returns a map under a Gaussian, as if zeros lay around it.
  private static float[] smoothed(float[] maps, int start, int width, int height) {
    float[] rows = new float[width * height];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        float sum = 0;
        for (int i = Math.max(0, RADIUS - x);
            i < Math.min(KERNEL.length, width + RADIUS - x);
            i++) {
          sum += KERNEL[i] * maps[start + y * width + x + i - RADIUS];
        }
        rows[y * width + x] = sum;
      }
    }
    float[] smooth = new float[rows.length];
    for (int y = 0; y < height; y++) {
      for (int i = Math.max(0, RADIUS - y); i < Math.min(KERNEL.length, height + RADIUS - y); i++) {
        int line = (y + i - RADIUS) * width;
        for (int x = 0; x < width; x++) {
          smooth[y * width + x] += KERNEL[i] * rows[line + x];
        }
      }
    }
    return smooth;
  }
}
