package wan4j.demo;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import wan4j.tensor.Tensor;

/// Whether a video shows something of a colour moving in a direction, judged by its pixels: the
/// colour must cover a part of the first, the middle and the last three frames, and the centroid of
/// its pixels must move far enough that way and less than half as far across.
///
/// @param coverage the smallest share of the three parts that has the colour
/// @param along how far the centroid moves in the direction, as a share of the frame
/// @param across how far it moves in the other axis
public record MotionCheck(double coverage, double along, double across) {
  private static final double LEAST_COVERAGE = 0.004;
  private static final double LEAST_MOVEMENT = 0.2;
  private static final int PART = 3; // frames

  /// The colours that are distinguished, as the demo's training draws them
  /// (demo/training/captions.py).
  public enum Color {
    /// (0.90, 0.12, 0.12)
    RED(0.90, 0.12, 0.12),
    /// (1.00, 0.52, 0.05)
    ORANGE(1.00, 0.52, 0.05),
    /// (0.98, 0.90, 0.10)
    YELLOW(0.98, 0.90, 0.10),
    /// (0.12, 0.72, 0.20)
    GREEN(0.12, 0.72, 0.20),
    /// (0.10, 0.85, 0.90)
    CYAN(0.10, 0.85, 0.90),
    /// (0.12, 0.25, 0.95)
    BLUE(0.12, 0.25, 0.95),
    /// (0.55, 0.15, 0.80)
    PURPLE(0.55, 0.15, 0.80),
    /// (1.00, 0.50, 0.75)
    PINK(1.00, 0.50, 0.75),
    /// (1.00, 1.00, 1.00)
    WHITE(1.00, 1.00, 1.00);

    private static final List<Rgb> ALL = Stream.of(values()).map(Color::rgb).toList();

    @SuppressWarnings("ImmutableEnumChecker") // of numbers
    private final Rgb rgb;

    Color(double red, double green, double blue) {
      rgb = new Rgb(red, green, blue);
    }

    Rgb rgb() {
      return rgb;
    }

    /// Says whether the pixel of three unsigned bytes at an offset has this colour: it is nearest
    /// to it and near enough.
    boolean isAt(MemorySegment pixels, long at) {
      return rgb.isAt(pixels, at, ALL);
    }
  }

  /// Where something moves on the picture.
  public enum Direction {
    /// To smaller columns.
    LEFT(-1, 0),
    /// To larger columns.
    RIGHT(1, 0),
    /// To smaller rows.
    UP(0, -1),
    /// To larger rows.
    DOWN(0, 1);

    private final int x;
    private final int y;

    Direction(int x, int y) {
      this.x = x;
      this.y = y;
    }

    /// Returns -1, 0 or 1: to the left, neither, or to the right.
    int x() {
      return x;
    }

    /// Returns -1, 0 or 1: up, neither, or down.
    int y() {
      return y;
    }
  }

  /// Looks at a video of unsigned bytes `[frames, height, width, 3]` of three frames or more.
  public static MotionCheck of(Tensor frames, Color color, Direction direction) {
    int count = frames.length(0);
    Centroid first = Centroid.of(frames.slice(0, PART), color);
    Centroid middle = Centroid.of(frames.slice(count / 2 - PART / 2, PART), color);
    Centroid last = Centroid.of(frames.slice(count - PART, PART), color);
    double coverage = Math.min(first.share, Math.min(middle.share, last.share));
    if (coverage == 0) {
      return new MotionCheck(0, 0, 0);
    }
    double dx = last.x - first.x;
    double dy = last.y - first.y;
    return new MotionCheck(
        coverage,
        dx * direction.x + dy * direction.y,
        Math.abs(dx * direction.y) + Math.abs(dy * direction.x));
  }

  /// Says whether the colour is there and moves that way.
  public boolean passes() {
    return hasColor() && moves();
  }

  /// Says whether the colour is there.
  public boolean hasColor() {
    return coverage >= LEAST_COVERAGE;
  }

  /// Says whether what there is of the colour moves that way.
  public boolean moves() {
    return along >= LEAST_MOVEMENT && across < 0.5 * along;
  }

  /// The place of a colour's pixels in some frames, as shares of width and height, and their share
  /// of all.
  private record Centroid(double share, double x, double y) {
    static Centroid of(Tensor frames, Color color) {
      int height = frames.length(1);
      int width = frames.length(2);
      MemorySegment pixels = frames.segment();
      long count = frames.count() / 3;
      long found = 0;
      double x = 0;
      double y = 0;
      for (long i = 0; i < count; i++) {
        if (color.isAt(pixels, 3 * i)) {
          found++;
          x += (i % width + 0.5) / width;
          y += (i / width % height + 0.5) / height;
        }
      }
      return new Centroid((double) found / count, x / found, y / found);
    }
  }
}
