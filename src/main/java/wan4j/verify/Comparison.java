package wan4j.verify;

import wan4j.tensor.Tensor;

/// How far one result is from the reference, and how far it may be; `error` is NaN when it is
/// undefined. Infinities of one sign are equal, and no number is near to one.
public record Comparison(String name, Measure measure, double error, double tolerance) {
  /// What an error is.
  public enum Measure {
    /// ||a - b|| / ||b||.
    RELATIVE("relative L2", ""),
    /// The root mean square difference of pictures with values from -1 to 1.
    PICTURE("PSNR", "dB"),
    /// The root mean square difference of pictures of 8 bits.
    BYTES("PSNR of bytes", "dB"),
    /// Another error, which the comparison's name describes.
    OTHER("error", "");

    private final String title;
    private final String unit;

    Measure(String title, String unit) {
      this.title = title;
      this.unit = unit;
    }

    /// Returns the name of the figure to report.
    public String title() {
      return title;
    }

    /// Returns its unit.
    public String unit() {
      return unit;
    }
  }

  /// Creates a comparison whose name describes its error.
  public Comparison(String name, double error, double tolerance) {
    this(name, Measure.OTHER, error, tolerance);
  }

  /// Returns the figure to report: the peak signal-to-noise ratio of pictures, else the error.
  public double figure() {
    return switch (measure) {
      case RELATIVE, OTHER -> error;
      case PICTURE -> 20 * Math.log10(2 / error);
      case BYTES -> 20 * Math.log10(255 / error);
    };
  }

  /// Says whether the error is within the tolerance; NaN never is.
  public boolean passes() {
    return error <= tolerance;
  }

  /// Compares two tensors by the relative length of their difference.
  public static Comparison relative(String name, Tensor got, Tensor expected, double tolerance) {
    float[] a = got.toFloats();
    float[] b = expected.toFloats();
    return new Comparison(name, Measure.RELATIVE, relativeError(a, b), tolerance);
  }

  /// Compares two tensors of integers, which must be equal: the error is the share of values that
  /// are not.
  public static Comparison exact(String name, Tensor got, Tensor expected) {
    float[] a = got.toFloats();
    float[] b = expected.toFloats();
    if (a.length != b.length) {
      return new Comparison(name, Double.NaN, 0);
    }
    int different = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] != b[i]) {
        different++;
      }
    }
    return new Comparison(name, a.length == 0 ? 0 : (double) different / a.length, 0);
  }

  /// Compares things that must all be right: the error is the share of those that are wrong.
  public static Comparison wrong(String name, int wrong, int count) {
    return new Comparison(name, count == 0 ? Double.NaN : (double) wrong / count, 0);
  }

  /// Compares two numbers by their distance; equal infinities have none.
  public static Comparison distance(String name, double got, double expected, double tolerance) {
    return new Comparison(name, got == expected ? 0 : Math.abs(got - expected), tolerance);
  }

  /// Compares two tensors by the largest distance of two values.
  public static Comparison largest(String name, Tensor got, Tensor expected, double tolerance) {
    float[] a = got.toFloats();
    float[] b = expected.toFloats();
    double largest = a.length == b.length ? 0 : Double.NaN;
    for (int i = 0; i < a.length && i < b.length; i++) {
      double distance = Math.abs(difference(a[i], b[i]));
      // NaN is kept: no comparison with it is true
      largest = distance <= largest ? largest : Double.isNaN(largest) ? largest : distance;
    }
    return new Comparison(name, largest, tolerance);
  }

  /// Compares a condition: the error is 0 when it holds, else 1.
  public static Comparison holds(String name, boolean condition) {
    return new Comparison(name, condition ? 0 : 1, 0);
  }

  /// Compares 8-bit values that may differ by one on fewer than one in two hundred: the error is
  /// the share of values that differ, infinite when one differs by more.
  public static Comparison bytes(String name, Tensor got, Tensor expected) {
    float[] a = got.toFloats();
    float[] b = expected.toFloats();
    if (a.length != b.length) {
      return new Comparison(name, Double.NaN, 0.005);
    }
    int different = 0;
    for (int i = 0; i < a.length; i++) {
      float difference = Math.abs(a[i] - b[i]);
      if (!(difference <= 1)) { // NaN neither
        return new Comparison(name, Double.POSITIVE_INFINITY, 0.005);
      }
      different += difference == 0 ? 0 : 1;
    }
    return new Comparison(name, (double) different / a.length, 0.005);
  }

  /// Compares two tensors by the peak signal-to-noise ratio for a range of 2, which must reach
  /// `decibels`: the error is the root mean square difference.
  public static Comparison peak(String name, Tensor got, Tensor expected, double decibels) {
    float[] a = got.toFloats();
    float[] b = expected.toFloats();
    if (a.length != b.length) {
      return new Comparison(name, Measure.PICTURE, Double.NaN, 0);
    }
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double d = difference(a[i], b[i]);
      sum += d * d;
    }
    double tolerance = 2 * Math.pow(10, -decibels / 20);
    return new Comparison(name, Measure.PICTURE, Math.sqrt(sum / a.length), tolerance);
  }

  /// Compares 8-bit values by the peak signal-to-noise ratio, which must reach `decibels`: the
  /// error is the root mean square difference.
  public static Comparison decibels(String name, Tensor got, Tensor expected, double decibels) {
    Comparison wide = peak(name, got, expected, decibels);
    double tolerance = 255 * Math.pow(10, -decibels / 20);
    return new Comparison(name, Measure.BYTES, wide.error(), tolerance);
  }

  private static double difference(float a, float b) {
    return a == b ? 0 : (double) a - b;
  }

  /// Returns ||a - b|| / ||b||, NaN when the lengths differ or a value is NaN. Infinities that both
  /// have in the same place count for neither length.
  public static double relativeError(float[] a, float[] b) {
    if (a.length != b.length) {
      return Double.NaN;
    }
    double difference = 0;
    double length = 0;
    for (int i = 0; i < a.length; i++) {
      double d = difference(a[i], b[i]);
      difference += d * d;
      length += Float.isInfinite(b[i]) ? 0 : (double) b[i] * b[i];
    }
    if (length == 0) {
      return Math.sqrt(difference);
    }
    return Math.sqrt(difference / length);
  }
}
