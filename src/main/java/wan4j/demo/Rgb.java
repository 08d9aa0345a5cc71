package wan4j.demo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// A colour by its red, green and blue, each 0 to 1, as the demo's training draws them
/// (demo/training/captions.py).
record Rgb(double red, double green, double blue) {
  /// What is behind shapes and faces.
  static final Rgb BLACK = new Rgb(0.05, 0.05, 0.06);

  /// The same.
  static final Rgb BROWN = new Rgb(0.34, 0.21, 0.11);

  /// The same.
  static final Rgb NAVY = new Rgb(0.07, 0.10, 0.30);

  private static final double NEAR = 0.25; // distance of two colours

  /// Returns red, green or blue, which are 0, 1 and 2.
  double channel(int number) {
    return switch (number) {
      case 0 -> red;
      case 1 -> green;
      default -> blue;
    };
  }

  /// Says whether the pixel of three unsigned bytes at an offset has this colour: it is near enough
  /// and nearer to none of some others.
  boolean isAt(MemorySegment pixels, long at, List<Rgb> others) {
    Rgb pixel = new Rgb(value(pixels, at), value(pixels, at + 1), value(pixels, at + 2));
    double own = distance(pixel);
    return own < NEAR && others.stream().noneMatch(other -> other.distance(pixel) < own);
  }

  private static double value(MemorySegment pixels, long at) {
    return (pixels.get(ValueLayout.JAVA_BYTE, at) & 0xFF) / 255.0;
  }

  private double distance(Rgb other) {
    double r = other.red - red;
    double g = other.green - green;
    double b = other.blue - blue;
    return Math.sqrt(r * r + g * g + b * b);
  }
}
