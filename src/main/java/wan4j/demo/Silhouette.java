package wan4j.demo;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import wan4j.demo.MotionCheck.Color;
import wan4j.tensor.Tensor;

/// What the largest patch of a colour in a picture looks like, in figures that stay the same when
/// it is moved, scaled or turned.
///
/// @param area its pixels, holes included
/// @param hole the share of them that its holes are
/// @param roundness area²/(2π·moment of inertia): 1 for a disc, less the farther it spreads
/// @param harmonics for n = 3, 4, 5, `|Σ zⁿ| / Σ |z|ⁿ` over its pixels `z` around their centroid:
///   near 1 the more its corners are n
/// @param isWhole whether it lies within the picture, not at its edge
@SuppressWarnings("ArrayRecordComponent") // never compared
record Silhouette(int area, double hole, double roundness, double[] harmonics, boolean isWhole) {
  /// The first of the harmonics.
  static final int FIRST = 3;

  private static final int HARMONICS = 3;

  /// Looks at a picture of unsigned bytes `[height, width, 3]`; returns null where no pixel has the
  /// colour.
  static Silhouette of(Tensor picture, Color color) {
    Patches patches = new Patches(picture.length(0), picture.length(1));
    MemorySegment pixels = picture.segment();
    for (int i = 0; i < patches.labels.length; i++) {
      if (color.isAt(pixels, 3L * i)) {
        patches.labels[i] = Patches.COLORED;
      }
    }
    int largest = patches.labelLargest();
    return largest == 0 ? null : patches.measure(largest);
  }

  /// The patches of a picture: for each pixel 0, or COLORED, or the number of its patch.
  private static final class Patches {
    private static final int COLORED = -1;
    private static final int OUTSIDE = -2;

    private final int width;
    private final int[] labels;
    private final int[] stack;

    Patches(int height, int width) {
      this.width = width;
      labels = new int[height * width];
      stack = new int[height * width];
    }

    /// Numbers the patches of the colour and returns the number of the largest, or 0.
    int labelLargest() {
      int largest = 0;
      int most = 0;
      int number = 0;
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] == COLORED) {
          int size = fill(i, COLORED, ++number);
          if (size > most) {
            most = size;
            largest = number;
          }
        }
      }
      return largest;
    }

    /// Turns the pixels around one that have a label, and side by side lead to it, to another
    /// label; returns how many.
    private int fill(int start, int from, int to) {
      int filled = 1;
      int depth = 0;
      stack[depth++] = start;
      labels[start] = to;
      while (depth > 0) {
        int at = stack[--depth];
        int x = at % width;
        int[] sides = {
          x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width,
        };
        for (int side : sides) {
          if (side >= 0 && side < labels.length && labels[side] == from) {
            labels[side] = to;
            stack[depth++] = side;
            filled++;
          }
        }
      }
      return filled;
    }

    /// Measures a patch with the holes in it.
    Silhouette measure(int patch) {
      boolean isWhole = true;
      int own = 0;
      for (int i = 0; i < labels.length; i++) {
        boolean isOwn = labels[i] == patch;
        own += isOwn ? 1 : 0;
        isWhole &= !(isOwn && isAtEdge(i));
        labels[i] = isOwn ? patch : 0;
      }
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] == 0 && isAtEdge(i)) {
          fill(i, 0, OUTSIDE);
        }
      }
      int area = 0;
      double x = 0;
      double y = 0;
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] != OUTSIDE) {
          area++;
          x += i % width;
          y += Math.floorDiv(i, width);
        }
      }
      return measure(area, own, x / area, y / area, isWhole);
    }

    private Silhouette measure(int area, int own, double x, double y, boolean isWhole) {
      double inertia = 0;
      double[] real = new double[HARMONICS];
      double[] imaginary = new double[HARMONICS];
      double[] length = new double[HARMONICS];
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] != OUTSIDE) {
          double dx = i % width - x;
          double dy = Math.floorDiv(i, width) - y;
          double square = dx * dx + dy * dy;
          inertia += square + 1 / 6.0; // a pixel is a square, not a point
          double angle = Math.atan2(dy, dx);
          for (int k = 0; k < HARMONICS; k++) {
            int n = FIRST + k;
            double power = Math.pow(square, n / 2.0);
            real[k] += power * Math.cos(n * angle);
            imaginary[k] += power * Math.sin(n * angle);
            length[k] += power;
          }
        }
      }
      double[] harmonics = new double[HARMONICS];
      Arrays.setAll(
          harmonics, k -> length[k] == 0 ? 0 : Math.hypot(real[k], imaginary[k]) / length[k]);
      return new Silhouette(
          area,
          (double) (area - own) / area,
          (double) area * area / (2 * Math.PI * inertia),
          harmonics,
          isWhole);
    }

    private boolean isAtEdge(int i) {
      int x = i % width;
      return x == 0 || x == width - 1 || i < width || i >= labels.length - width;
    }
  }
}
