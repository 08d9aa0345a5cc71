package wan4j.preprocess;

import wan4j.media.Picture;

/// Draws a pose as the Animate transformer learnt to read it: limbs as coloured ellipses, joints as
/// discs, hands as thin lines (Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/human_visualization.py `draw_aapose_new`).
final class PoseDrawing {
  private static final double LEAST_SCORE = 0.5;
  private static final double DIMMED = 0.6;
  private static final int[] HAND_POINT = {0, 0, 255};

  private static final int[][] COLOURS = {
    {255, 0, 0},
    {255, 85, 0},
    {255, 170, 0},
    {255, 255, 0},
    {170, 255, 0},
    {85, 255, 0},
    {0, 255, 0},
    {0, 255, 85},
    {0, 255, 170},
    {0, 255, 255},
    {0, 170, 255},
    {0, 85, 255},
    {0, 0, 255},
    {85, 0, 255},
    {170, 0, 255},
    {255, 0, 255},
    {255, 0, 170},
    {255, 0, 85},
    {200, 200, 0},
    {100, 100, 0}
  };

  private PoseDrawing() {}

  /// How thick limbs are.
  enum Stick {
    /// A two hundredth of the shorter side.
    V1,
    /// A pixel less; half of it for hands.
    V2;

    private int body(int width, int height) {
      int part = (int) (Math.min(width, height) / 200.0);
      return Math.max(this == V1 ? part : part - 1, 1);
    }

    private int hand(int width, int height) {
      return this == V1 ? body(width, height) : Math.max(body(width, height) / 2, 1);
    }
  }

  /// Returns a pose on black.
  static Picture draw(Skeleton skeleton, int width, int height) {
    Canvas canvas = new Canvas(width, height);
    draw(skeleton, canvas, Stick.V2, true);
    return canvas.picture();
  }

  /// Draws a pose over a picture's bytes, with the head or without.
  static void draw(Skeleton skeleton, Canvas canvas, Stick stick, boolean withHead) {
    int thickness = stick.body(canvas.width(), canvas.height());
    double[] body = withHead ? skeleton.body() : headless(skeleton.body());
    for (int i = 0; i < Limbs.BODY.length; i++) {
      int from = Limbs.BODY[i][0] * 3;
      int to = Limbs.BODY[i][1] * 3;
      if (!(body[from + 2] < LEAST_SCORE) && !(body[to + 2] < LEAST_SCORE)) {
        limb(canvas, body, from, to, thickness, dimmed(COLOURS[i]));
      }
    }
    for (int i = 0; i < COLOURS.length; i++) {
      if (!(body[i * 3 + 2] < LEAST_SCORE)) {
        canvas.disc((int) body[i * 3], (int) body[i * 3 + 1], thickness, COLOURS[i]);
      }
    }
    int thin = stick.hand(canvas.width(), canvas.height());
    hand(canvas, skeleton.leftHand(), thin);
    hand(canvas, skeleton.rightHand(), thin);
  }

  private static double[] headless(double[] body) {
    double[] headless = body.clone();
    for (int point : Limbs.HEAD) {
      headless[point * 3 + 2] = 0;
    }
    return headless;
  }

  private static int[] dimmed(int[] colour) {
    return new int[] {
      (int) (colour[0] * DIMMED), (int) (colour[1] * DIMMED), (int) (colour[2] * DIMMED)
    };
  }

  private static void limb(
      Canvas canvas, double[] points, int from, int to, int thickness, int[] colour) {
    double dx = points[from] - points[to];
    double dy = points[from + 1] - points[to + 1];
    canvas.ellipse(
        (int) ((points[from] + points[to]) / 2),
        (int) ((points[from + 1] + points[to + 1]) / 2),
        (int) (Math.sqrt(dy * dy + dx * dx) / 2),
        thickness,
        (int) Math.toDegrees(Math.atan2(dy, dx)),
        colour);
  }

  private static void hand(Canvas canvas, double[] points, int thickness) {
    for (int i = 0; i < Limbs.HAND.length; i++) {
      int from = Limbs.HAND[i][0] * 3;
      int to = Limbs.HAND[i][1] * 3;
      if (isDrawn(points, from) && isDrawn(points, to)) {
        canvas.line(
            (int) points[from],
            (int) points[from + 1],
            (int) points[to],
            (int) points[to + 1],
            thickness,
            hue(i, Limbs.HAND.length));
      }
    }
    for (int at = 0; at < points.length; at += 3) {
      if (isDrawn(points, at)) {
        canvas.disc((int) points[at], (int) points[at + 1], thickness, HAND_POINT);
      }
    }
  }

  /// Points in the first row or column are not drawn.
  private static boolean isDrawn(double[] points, int at) {
    return !(points[at + 2] < LEAST_SCORE) && (int) points[at] > 0 && (int) points[at + 1] > 0;
  }

  /// Returns the full colour of a hue, as matplotlib's `hsv_to_rgb` makes it.
  private static int[] hue(int index, int count) {
    double turn = index / (double) count * 6;
    int sixth = (int) turn;
    double part = turn - sixth;
    int rising = (int) Math.rint((1 - (1 - part)) * 255);
    int falling = (int) Math.rint((1 - part) * 255);
    return switch (sixth) {
      case 0 -> new int[] {255, rising, 0};
      case 1 -> new int[] {falling, 255, 0};
      case 2 -> new int[] {0, 255, rising};
      case 3 -> new int[] {0, falling, 255};
      case 4 -> new int[] {rising, 0, 255};
      default -> new int[] {255, 0, falling};
    };
  }
}
