package wan4j.preprocess;

import java.util.ArrayList;
import java.util.List;
import wan4j.media.Picture;

/// Draws lines, convex polygons and discs on a black picture as OpenCV does (opencv/opencv 4.x,
/// modules/imgproc/src/drawing.cpp), pixel for pixel.
final class Canvas {
  private static final int SHIFT = 16;
  private static final long ONE = 1L << SHIFT;
  private static final int FULL_TURN = 360;
  private static final float[] SINES = sines();

  private final int width;
  private final int height;
  private final byte[] rgb;

  Canvas(int width, int height) {
    this(width, height, new byte[Math.multiplyExact(width * 3, height)]);
  }

  /// Draws over the given bytes themselves.
  Canvas(int width, int height, byte[] rgb) {
    this.width = width;
    this.height = height;
    this.rgb = rgb;
  }

  /// Returns the picture, which shares its bytes with the canvas.
  Picture picture() {
    return new Picture(width, height, rgb);
  }

  int width() {
    return width;
  }

  int height() {
    return height;
  }

  /// A point; in whole pixels, or in parts of 2^-16.
  private record Point(long x, long y) {}

  /// OpenCV's table of sines has seven decimals.
  private static float[] sines() {
    float[] sines = new float[FULL_TURN + 91];
    for (int i = 0; i < sines.length; i++) {
      sines[i] = (float) (Math.rint(Math.sin(Math.toRadians(i)) * 1e7) / 1e7);
    }
    return sines;
  }

  private static float sine(int degrees) {
    return SINES[degrees];
  }

  private static float cosine(int degrees) {
    return SINES[450 - degrees];
  }

  /// Fills an ellipse of half axes `along` and `across`, turned by whole degrees: the polygon of
  /// its points at every degree.
  void ellipse(int x, int y, int along, int across, int degrees, int[] colour) {
    int turn = degrees;
    while (turn < 0) {
      turn += FULL_TURN;
    }
    while (turn > FULL_TURN) {
      turn -= FULL_TURN;
    }
    List<Point> points = new ArrayList<>();
    for (int angle = 0; angle <= FULL_TURN; angle++) {
      double dx = along * (double) cosine(angle);
      double dy = across * (double) sine(angle);
      Point point =
          new Point(
              (long) Math.rint(x + dx * cosine(turn) - dy * sine(turn)),
              (long) Math.rint(y + dx * sine(turn) + dy * cosine(turn)));
      if (points.isEmpty() || !points.getLast().equals(point)) {
        points.add(point);
      }
    }
    if (points.size() == 1) {
      points.add(points.getFirst());
    }
    polygon(points, 0, colour);
  }

  /// Fills a disc of whole pixels.
  void disc(int x, int y, int radius, int[] colour) {
    int error = 0;
    int dx = radius;
    int dy = 0;
    int plus = 1;
    int minus = (radius << 1) - 1;
    while (dx >= dy) {
      row(y - dy, x - dx, x + dx, colour);
      row(y + dy, x - dx, x + dx, colour);
      row(y - dx, x - dy, x + dy, colour);
      row(y + dx, x - dy, x + dy, colour);
      dy++;
      error += plus;
      plus += 2;
      if (error > 0) {
        error -= minus;
        dx--;
        minus -= 2;
      }
    }
  }

  /// Draws a line between two pixels.
  void line(int x1, int y1, int x2, int y2, int thickness, int[] colour) {
    if (thickness <= 1) {
      thin(new Point(x1, y1), new Point(x2, y2), colour);
      return;
    }
    Point from = new Point(x1 * ONE, y1 * ONE);
    Point to = new Point(x2 * ONE, y2 * ONE);
    double dx = (double) x1 - x2;
    double dy = (double) y2 - y1;
    double square = dx * dx + dy * dy;
    long half = (long) thickness << SHIFT - 1;
    if (square > Math.ulp(1.0)) {
      double factor = (half + (thickness & 1) * ONE * 0.5) / Math.sqrt(square);
      long across = (long) Math.rint(dy * factor);
      long down = (long) Math.rint(dx * factor);
      polygon(
          List.of(
              new Point(from.x + across, from.y + down),
              new Point(from.x - across, from.y - down),
              new Point(to.x - across, to.y - down),
              new Point(to.x + across, to.y + down)),
          SHIFT,
          colour);
    }
    int radius = (int) (half + (ONE >> 1) >> SHIFT);
    disc(x1, y1, radius, colour);
    disc(x2, y2, radius, colour);
  }

  // ---- lines of one pixel

  /// Draws a line by Bresenham's rule, from the left to the right.
  private void thin(Point one, Point other, int[] colour) {
    Point[] ends = clipped(one, other, width, height);
    if (ends == null) {
      return;
    }
    boolean isTurned = ends[1].x < ends[0].x;
    long x = isTurned ? ends[1].x : ends[0].x;
    long y = isTurned ? ends[1].y : ends[0].y;
    long dx = Math.abs(ends[1].x - ends[0].x);
    long down = isTurned ? ends[0].y - ends[1].y : ends[1].y - ends[0].y;
    long dy = Math.abs(down);
    int step = down < 0 ? -1 : 1;
    boolean isSteep = dy > dx;
    long longer = Math.max(dx, dy);
    long shorter = Math.min(dx, dy);
    long error = longer - 2 * shorter;
    for (long i = 0; i <= longer; i++) {
      set(x, y, colour);
      boolean isBoth = error < 0;
      error += isBoth ? 2 * longer - 2 * shorter : -2 * shorter;
      x += !isSteep || isBoth ? 1 : 0;
      y += isSteep || isBoth ? step : 0;
    }
  }

  /// Draws a line between points in parts of 2^-16.
  private void exact(Point one, Point other, int[] colour) {
    Point[] ends = clipped(one, other, (long) width << SHIFT, (long) height << SHIFT);
    if (ends == null) {
      return;
    }
    boolean isFlat = Math.abs(ends[1].x - ends[0].x) > Math.abs(ends[1].y - ends[0].y);
    boolean isTurned = isFlat ? ends[1].x < ends[0].x : ends[1].y < ends[0].y;
    Point from = isTurned ? ends[1] : ends[0];
    Point to = isTurned ? ends[0] : ends[1];
    long dx = to.x - from.x;
    long dy = to.y - from.y;
    set(to.x + (ONE >> 1) >> SHIFT, to.y + (ONE >> 1) >> SHIFT, colour);
    long x = from.x + (ONE >> 1);
    long y = from.y + (ONE >> 1);
    if (isFlat) {
      long step = dy * ONE / (dx | 1);
      for (long i = 0; i <= dx >> SHIFT; i++) {
        set((x >> SHIFT) + i, y + i * step >> SHIFT, colour);
      }
    } else {
      long step = dx * ONE / (dy | 1);
      for (long i = 0; i <= dy >> SHIFT; i++) {
        set(x + i * step >> SHIFT, (y >> SHIFT) + i, colour);
      }
    }
  }

  /// Returns the ends of what lies within a picture, or null where nothing does.
  private static Point[] clipped(Point one, Point other, long width, long height) {
    long x1 = one.x;
    long y1 = one.y;
    long x2 = other.x;
    long y2 = other.y;
    long right = width - 1;
    long bottom = height - 1;
    int c1 = sides(x1, y1, right, bottom);
    int c2 = sides(x2, y2, right, bottom);
    if ((c1 & c2) == 0 && (c1 | c2) != 0) {
      if ((c1 & 12) != 0) {
        long edge = c1 < 8 ? 0 : bottom;
        x1 += (long) ((double) (edge - y1) * (x2 - x1) / (y2 - y1));
        y1 = edge;
        c1 = sides(x1, 0, right, bottom);
      }
      if ((c2 & 12) != 0) {
        long edge = c2 < 8 ? 0 : bottom;
        x2 += (long) ((double) (edge - y2) * (x2 - x1) / (y2 - y1));
        y2 = edge;
        c2 = sides(x2, 0, right, bottom);
      }
      if ((c1 & c2) == 0 && (c1 | c2) != 0) {
        if (c1 != 0) {
          long edge = c1 == 1 ? 0 : right;
          y1 += (long) ((double) (edge - x1) * (y2 - y1) / (x2 - x1));
          x1 = edge;
          c1 = 0;
        }
        if (c2 != 0) {
          long edge = c2 == 1 ? 0 : right;
          y2 += (long) ((double) (edge - x2) * (y2 - y1) / (x2 - x1));
          x2 = edge;
          c2 = 0;
        }
      }
    }
    return (c1 | c2) == 0 ? new Point[] {new Point(x1, y1), new Point(x2, y2)} : null;
  }

  private static int sides(long x, long y, long right, long bottom) {
    return (x < 0 ? 1 : 0) + (x > right ? 2 : 0) + (y < 0 ? 4 : 0) + (y > bottom ? 8 : 0);
  }

  // ---- polygons

  /// One of the two edges that a row of a convex polygon lies between.
  private static final class Edge {
    private int at;
    private final int direction;
    private long x = -ONE;
    private long step;
    private long until;

    Edge(int at, int direction, long until) {
      this.at = at;
      this.direction = direction;
      this.until = until;
    }
  }

  /// Fills a convex polygon of points in parts of 2^-shift, outline included.
  private void polygon(List<Point> points, int shift, int[] colour) {
    int scale = SHIFT - shift;
    long half = 1L << shift >> 1;
    Point before = points.getLast();
    int highest = 0;
    long minX = Long.MAX_VALUE;
    long maxX = Long.MIN_VALUE;
    long maxY = Long.MIN_VALUE;
    for (int i = 0; i < points.size(); i++) {
      Point point = points.get(i);
      highest = point.y < points.get(highest).y ? i : highest;
      minX = Math.min(minX, point.x);
      maxX = Math.max(maxX, point.x);
      maxY = Math.max(maxY, point.y);
      if (shift == 0) {
        thin(before, point, colour);
      } else {
        exact(
            new Point(before.x << scale, before.y << scale),
            new Point(point.x << scale, point.y << scale),
            colour);
      }
      before = point;
    }
    long top = points.get(highest).y + half >> shift;
    long bottom = maxY + half >> shift;
    if (points.size() < 3
        || maxX + half >> shift < 0
        || bottom < 0
        || minX + half >> shift >= width
        || top >= height) {
      return;
    }
    Edge[] edges = {new Edge(highest, 1, top), new Edge(highest, points.size() - 1, top)};
    int left = points.size();
    for (long y = top; y <= Math.min(bottom, height - 1); y++) {
      for (Edge edge : edges) {
        if (y >= edge.until) {
          left = advance(edge, points, y, left, half, shift);
        }
      }
      if (y >= 0) {
        long first = Math.min(edges[0].x, edges[1].x) + (ONE >> 1) >> SHIFT;
        long last = Math.max(edges[0].x, edges[1].x) + (ONE >> 1) >> SHIFT;
        row(y, first, last, colour);
      }
      edges[0].x += edges[0].step;
      edges[1].x += edges[1].step;
    }
  }

  /// Takes an edge on to the next that goes below row `y`; returns how many are left.
  private static int advance(
      Edge edge, List<Point> points, long y, int count, long half, int shift) {
    int left = count;
    int from = edge.at;
    int to = (from + edge.direction) % points.size();
    while (left-- > 0) {
      long end = points.get(to).y + half >> shift;
      if (end > y) {
        long start = points.get(from).x << SHIFT - shift;
        long target = points.get(to).x << SHIFT - shift;
        edge.until = end;
        edge.step = ((target - start) * 2 + (end - y)) / (2 * (end - y));
        edge.x = start;
        edge.at = to;
        break;
      }
      from = to;
      to = (to + edge.direction) % points.size();
    }
    return left;
  }

  private void row(long y, long from, long to, int[] colour) {
    if (y < 0 || y >= height) {
      return;
    }
    for (long x = Math.max(0, from); x <= Math.min(width - 1, to); x++) {
      set(x, y, colour);
    }
  }

  private void set(long x, long y, int[] colour) {
    if (x < 0 || x >= width || y < 0 || y >= height) {
      return;
    }
    int at = (int) (y * width + x) * 3;
    rgb[at] = (byte) colour[0];
    rgb[at + 1] = (byte) colour[1];
    rgb[at + 2] = (byte) colour[2];
  }
}
