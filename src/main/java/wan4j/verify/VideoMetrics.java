package wan4j.verify;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// The distance of two videos of 8-bit frames: mean squared error, peak signal-to-noise ratio in dB
/// and structural similarity, over all and for each frame.
///
/// Structural similarity is that of Wang, Bovik, Sheikh and Simoncelli (2004): an 11x11 Gaussian
/// window of sigma 1.5, K1 = 0.01, K2 = 0.03, population variances, for each colour channel,
/// averaged over the pixels whose window lies within the frame.
public record VideoMetrics(
    double meanSquaredError,
    double psnr,
    double ssim,
    List<Double> framePsnr,
    List<Double> frameSsim) {
  private static final int RADIUS = 5;
  private static final double[] WINDOW = window();
  private static final double C1 = Math.pow(0.01 * 255, 2);
  private static final double C2 = Math.pow(0.03 * 255, 2);

  /// Creates metrics over copies of the lists.
  public VideoMetrics {
    framePsnr = List.copyOf(framePsnr);
    frameSsim = List.copyOf(frameSsim);
  }

  /// Compares two videos of unsigned bytes `[frames, height, width, 3]`; throws `InputException`
  /// when their shapes differ or a side is below 11 pixels.
  public static VideoMetrics compare(Tensor a, Tensor b) {
    check(a, b);
    int frames = a.length(0);
    Frame[] each = new Frame[frames];
    IntStream.range(0, frames).parallel().forEach(i -> each[i] = Frame.compare(a.at(i), b.at(i)));
    double error = Arrays.stream(each).mapToDouble(Frame::error).average().orElseThrow();
    return new VideoMetrics(
        error,
        psnr(error),
        Arrays.stream(each).mapToDouble(Frame::ssim).average().orElseThrow(),
        Arrays.stream(each).map(frame -> psnr(frame.error)).toList(),
        Arrays.stream(each).map(Frame::ssim).toList());
  }

  private static void check(Tensor a, Tensor b) {
    for (Tensor video : List.of(a, b)) {
      if (video.dtype() != DType.U8 || video.shape().rank() != 4 || video.shape().size(3) != 3) {
        throw new IllegalArgumentException(
            "got " + video + " as frames, expected U8 [frames, height, width, 3]");
      }
    }
    if (!a.shape().equals(b.shape())) {
      throw new InputException(
          "cannot compare a video of %s with one of %s [frames, height, width, 3]; give two of one size and length"
              .formatted(a.shape(), b.shape()));
    }
    if (a.length(0) < 1 || a.length(1) <= 2 * RADIUS || a.length(2) <= 2 * RADIUS) {
      throw new InputException(
          "cannot compare videos of %s [frames, height, width, 3]; at least one frame of 11x11 pixels is needed"
              .formatted(a.shape()));
    }
  }

  private static double psnr(double error) {
    return error == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(255.0 * 255.0 / error);
  }

  private static double[] window() {
    double[] weights = new double[2 * RADIUS + 1];
    for (int i = 0; i < weights.length; i++) {
      double distance = i - RADIUS;
      weights[i] = Math.exp(-distance * distance / (2 * 1.5 * 1.5));
    }
    double sum = Arrays.stream(weights).sum();
    return Arrays.stream(weights).map(weight -> weight / sum).toArray();
  }

  /// One frame's mean squared error and structural similarity.
  private record Frame(double error, double ssim) {
    static Frame compare(Tensor a, Tensor b) {
      int height = a.length(0);
      int width = a.length(1);
      MemorySegment first = a.segment();
      MemorySegment second = b.segment();
      double[] x = new double[height * width];
      double[] y = new double[height * width];
      double error = 0;
      double similarity = 0;
      for (int channel = 0; channel < 3; channel++) {
        for (int i = 0; i < x.length; i++) {
          x[i] = first.get(ValueLayout.JAVA_BYTE, i * 3L + channel) & 0xFF;
          y[i] = second.get(ValueLayout.JAVA_BYTE, i * 3L + channel) & 0xFF;
          error += (x[i] - y[i]) * (x[i] - y[i]);
        }
        similarity += similarity(x, y, height, width);
      }
      return new Frame(error / (x.length * 3.0), similarity / 3);
    }

    private static double similarity(double[] x, double[] y, int height, int width) {
      double[] meanX = blur(x, height, width);
      double[] meanY = blur(y, height, width);
      double[] squareX = blur(product(x, x), height, width);
      double[] squareY = blur(product(y, y), height, width);
      double[] cross = blur(product(x, y), height, width);
      double sum = 0;
      for (int i = 0; i < meanX.length; i++) {
        double varianceX = squareX[i] - meanX[i] * meanX[i];
        double varianceY = squareY[i] - meanY[i] * meanY[i];
        double covariance = cross[i] - meanX[i] * meanY[i];
        sum +=
            (2 * meanX[i] * meanY[i] + C1)
                * (2 * covariance + C2)
                / ((meanX[i] * meanX[i] + meanY[i] * meanY[i] + C1) * (varianceX + varianceY + C2));
      }
      return sum / meanX.length;
    }

    private static double[] product(double[] x, double[] y) {
      double[] product = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        product[i] = x[i] * y[i];
      }
      return product;
    }

    /// Weights each pixel's neighbourhood with the window where it lies within the frame.
    private static double[] blur(double[] x, int height, int width) {
      int columns = width - 2 * RADIUS;
      int rows = height - 2 * RADIUS;
      double[] across = new double[height * columns];
      for (int y = 0; y < height; y++) {
        for (int k = 0; k < WINDOW.length; k++) {
          for (int i = 0; i < columns; i++) {
            across[y * columns + i] += WINDOW[k] * x[y * width + i + k];
          }
        }
      }
      double[] blurred = new double[rows * columns];
      for (int y = 0; y < rows; y++) {
        for (int k = 0; k < WINDOW.length; k++) {
          for (int i = 0; i < columns; i++) {
            blurred[y * columns + i] += WINDOW[k] * across[(y + k) * columns + i];
          }
        }
      }
      return blurred;
    }
  }
}
