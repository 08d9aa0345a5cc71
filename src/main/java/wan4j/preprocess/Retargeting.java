package wan4j.preprocess;

import static wan4j.preprocess.Pose.LEFT_ANKLE;
import static wan4j.preprocess.Pose.LEFT_HIP;
import static wan4j.preprocess.Pose.LEFT_SHOULDER;
import static wan4j.preprocess.Pose.LEFT_TOE;
import static wan4j.preprocess.Pose.LEFT_WRIST;
import static wan4j.preprocess.Pose.NECK;
import static wan4j.preprocess.Pose.NOSE;
import static wan4j.preprocess.Pose.RIGHT_ANKLE;
import static wan4j.preprocess.Pose.RIGHT_HIP;
import static wan4j.preprocess.Pose.RIGHT_SHOULDER;
import static wan4j.preprocess.Pose.RIGHT_TOE;
import static wan4j.preprocess.Pose.RIGHT_WRIST;

/// Gives the poses of a driving video the proportions and the place of the reference's body: each
/// limb keeps its direction and takes the reference's length (Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/retarget_pose.py).
///
/// Proportions are taken from the video's first pose and the reference's, or from both as the user
/// has edited them into a plain pose.
final class Retargeting {
  private static final double SURE = 0.5;
  private static final double LEAST_SCORE = 0.4;
  private static final double LONGEST_FOOT = 0.5; // of the calf
  private static final int[] HEAD = Limbs.HEAD;

  /// Limbs that get one ratio, the larger of both.
  private static final int[][] LIKE = {{0, 1}, {2, 4}, {3, 5}, {6, 9}, {7, 10}, {8, 11}, {17, 18}};

  /// Limbs of the head that get the mean of both ratios.
  private static final int[][] MEAN = {{13, 15}, {14, 16}};

  /// How much of a person both pictures show.
  private enum Extent {
    HALF,
    THREE_QUARTERS,
    FULL
  }

  private final int width;
  private final int height;
  private final double scale;
  private final double[] ratios;
  private final Extent extent;
  private final double groundX;
  private final double shiftX;
  private final double shiftY;

  /// Compares the first pose of a video with the reference's.
  Retargeting(Pose first, Pose reference) {
    this(first, reference, first, reference, 1);
  }

  /// Compares them by the poses that the user's edited pictures show.
  Retargeting(Pose first, Pose reference, Pose editedFirst, Pose editedReference) {
    this(
        first,
        reference,
        editedFirst,
        editedReference.resized(scale(editedFirst, editedReference)),
        sameHeight(editedFirst, editedReference) > 0
            ? 1
            : growth(reference, editedReference) / growth(first, editedFirst));
  }

  private Retargeting(Pose first, Pose reference, Pose from, Pose to, double factor) {
    width = reference.width();
    height = reference.height();
    scale = scale(first, reference);
    Pose target = reference.resized(scale);
    ratios = ratios(from, from == first ? target : to, factor);
    Extent seen = extent(first);
    extent = seen.compareTo(extent(target)) < 0 ? seen : extent(target);

    double[] rescaled = pixels(first);
    stretch(rescaled, lengths(rescaled, ratios));
    if (extent == Extent.FULL) {
      groundX = (rescaled[RIGHT_HIP * 3] + rescaled[LEFT_HIP * 3]) / 2;
      shiftX = groundX - (x(target, RIGHT_HIP) + x(target, LEFT_HIP)) * target.width() / 2;
      double right = (y(target, RIGHT_ANKLE) + y(target, RIGHT_TOE)) / 2;
      double left = (y(target, LEFT_ANKLE) + y(target, LEFT_TOE)) / 2;
      shiftY =
          Math.max(rescaled[RIGHT_ANKLE * 3 + 1], rescaled[LEFT_ANKLE * 3 + 1])
              - Math.max(left, right) * target.height();
    } else {
      groundX = rescaled[NECK * 3];
      shiftX = groundX - x(target, NECK) * target.width();
      shiftY = rescaled[NECK * 3 + 1] - y(target, NECK) * target.height();
    }
  }

  private static double x(Pose pose, int point) {
    return pose.body()[point * 3];
  }

  private static double y(Pose pose, int point) {
    return pose.body()[point * 3 + 1];
  }

  // ---- what is compared

  /// Returns how much larger the first person is than the second: by their height where both stand
  /// or sit in sight, else by their pictures.
  private static double scale(Pose one, Pose other) {
    double same = sameHeight(one, other);
    return same > 0
        ? same
        : Math.sqrt((double) one.height() * one.width())
            / Math.sqrt((double) other.height() * other.width());
  }

  /// Returns the ratio of two heights from the nose to the ankles or the hips, 0 where one of the
  /// points is not sure, or no height can be had from them.
  private static double sameHeight(Pose one, Pose other) {
    for (int[] pair : new int[][] {{RIGHT_ANKLE, LEFT_ANKLE}, {RIGHT_HIP, LEFT_HIP}}) {
      if (isSure(one, pair) && isSure(other, pair)) {
        double ratio = heightTo(one, pair) / heightTo(other, pair);
        return Double.isFinite(ratio) ? ratio : 0;
      }
    }
    return 0;
  }

  private static boolean isSure(Pose pose, int[] pair) {
    return pose.score(NOSE) > SURE && pose.score(pair[0]) > SURE && pose.score(pair[1]) > SURE;
  }

  private static double heightTo(Pose pose, int[] pair) {
    return pose.height() * Math.abs((y(pose, pair[0]) + y(pose, pair[1])) / 2 - y(pose, NOSE));
  }

  /// Returns how much smaller a person became when the picture was edited, by head or shoulders.
  private static double growth(Pose original, Pose edited) {
    double heads = headWidth(original) / headWidth(edited);
    double shoulders =
        length(original, LEFT_SHOULDER, RIGHT_SHOULDER)
            / length(edited, LEFT_SHOULDER, RIGHT_SHOULDER);
    return Math.max(heads, shoulders);
  }

  private static double headWidth(Pose pose) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (int point : HEAD) {
      least = Math.min(least, x(pose, point));
      most = Math.max(most, x(pose, point));
    }
    return most - least;
  }

  private static double length(Pose pose, int from, int to) {
    double dx = x(pose, from) * pose.width() - x(pose, to) * pose.width();
    double dy = y(pose, from) * pose.height() - y(pose, to) * pose.height();
    return Math.sqrt(dx * dx + dy * dy);
  }

  /// Returns how much longer each limb is to become. Where points lie on each other, so that a limb
  /// has no length, it is taken to grow like the shoulders.
  private static double[] ratios(Pose from, Pose to, double factor) {
    double[] ratios = new double[Limbs.BODY.length];
    for (int i = 0; i < ratios.length; i++) {
      int[] limb = Limbs.BODY[i];
      ratios[i] = length(to, limb[0], limb[1]) * factor / length(from, limb[0], limb[1]);
    }
    double shoulders = (ratios[Limbs.RIGHT_SHOULDER] + ratios[Limbs.LEFT_SHOULDER]) / 2;
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = Double.isFinite(ratios[i]) ? ratios[i] : shoulders;
      ratios[i] = Double.isFinite(ratios[i]) ? ratios[i] : 1;
    }
    for (int[] pair : LIKE) {
      ratios[pair[0]] = Math.max(ratios[pair[0]], ratios[pair[1]]);
      ratios[pair[1]] = ratios[pair[0]];
    }
    for (int[] pair : MEAN) {
      ratios[pair[0]] = (ratios[pair[0]] + ratios[pair[1]]) / 2;
      ratios[pair[1]] = ratios[pair[0]];
    }
    return ratios;
  }

  private static Extent extent(Pose pose) {
    if (!isInSight(pose, RIGHT_HIP) || !isInSight(pose, LEFT_HIP)) {
      return Extent.HALF;
    }
    return isInSight(pose, RIGHT_ANKLE) && isInSight(pose, LEFT_ANKLE)
        ? Extent.FULL
        : Extent.THREE_QUARTERS;
  }

  private static boolean isInSight(Pose pose, int point) {
    return y(pose, point) <= 1 && pose.score(point) >= LEAST_SCORE;
  }

  // ---- what becomes of a pose

  /// Returns a pose of the video in pixels of the reference picture; `isFirst` tells the video's
  /// first, which is moved over the reference by itself.
  Skeleton apply(Pose pose, boolean isFirst) {
    double[] original = pixels(pose);
    double[] lengths = lengths(original, ratios);
    shortenFoot(lengths, Limbs.RIGHT_FOOT, Limbs.RIGHT_CALF);
    shortenFoot(lengths, Limbs.LEFT_FOOT, Limbs.LEFT_CALF);
    double[] body = original.clone();
    stretch(body, lengths);

    double left = shiftX;
    if (isFirst && extent == Extent.FULL) {
      left += (body[RIGHT_HIP * 3] + body[LEFT_HIP * 3]) / 2 - groundX;
    } else if (isFirst && extent == Extent.HALF) {
      left += body[NECK * 3] - groundX;
    }
    for (int i = 0; i < body.length; i += 3) {
      body[i] = (body[i] - left) / scale;
      body[i + 1] = (body[i + 1] - shiftY) / scale;
    }
    double[][] hands = hands(pose, original, body);
    for (int i = 0; i < body.length; i += 3) {
      body[i] = body[i] / width * width; // as the reference rounds
      body[i + 1] = body[i + 1] / height * height;
    }
    return new Skeleton(body, hands[0], hands[1]);
  }

  private static void shortenFoot(double[] lengths, int foot, int calf) {
    lengths[foot] = Math.min(lengths[foot], lengths[calf] * LONGEST_FOOT);
  }

  private static double[] pixels(Pose pose) {
    return pose.skeleton().body();
  }

  private static double[] lengths(double[] points, double[] ratios) {
    double[] lengths = new double[Limbs.BODY.length];
    for (int i = 0; i < lengths.length; i++) {
      int from = Limbs.BODY[i][0] * 3;
      int to = Limbs.BODY[i][1] * 3;
      double dx = points[from] - points[to];
      double dy = points[from + 1] - points[to + 1];
      lengths[i] = Math.sqrt(dy * dy + dx * dx) * ratios[i];
    }
    return lengths;
  }

  /// Moves points so that limbs have these lengths and the directions that they had.
  private static void stretch(double[] points, double[] lengths) {
    double[] angles = new double[lengths.length];
    for (int i = 0; i < lengths.length; i++) {
      int from = Limbs.BODY[i][0] * 3;
      int to = Limbs.BODY[i][1] * 3;
      angles[i] =
          Math.toDegrees(Math.atan2(points[from + 1] - points[to + 1], points[from] - points[to]));
    }
    for (int i = 0; i < lengths.length; i++) {
      int from = Limbs.BODY[i][0] * 3;
      int to = Limbs.BODY[i][1] * 3;
      points[to] = points[from] - lengths[i] * Math.cos(Math.toRadians(angles[i]));
      points[to + 1] = points[from + 1] - lengths[i] * Math.sin(Math.toRadians(angles[i]));
    }
  }

  /// Returns both hands at the wrists that they hang on. The reference exchanges left and right
  /// first, and back where the first hand is nearer to the left wrist.
  private double[][] hands(Pose pose, double[] original, double[] body) {
    double ratio = Math.max(ratios[Limbs.RIGHT_SHOULDER], ratios[Limbs.LEFT_SHOULDER]) / scale;
    Hand atRight = new Hand(pose.rightHand(), pose, ratio);
    Hand atLeft = new Hand(pose.leftHand(), pose, ratio);
    double[] rightMove = atRight.move(original, body, RIGHT_WRIST * 3);
    double[] leftMove = atLeft.move(original, body, LEFT_WRIST * 3);
    boolean isCrossed =
        atRight.distance(original, RIGHT_WRIST * 3) > atRight.distance(original, LEFT_WRIST * 3);
    return isCrossed
        ? new double[][] {atLeft.moved(rightMove), atRight.moved(leftMove)}
        : new double[][] {atRight.moved(rightMove), atLeft.moved(leftMove)};
  }

  /// A hand in its body's proportions, in pixels of the video; a point that is not sure has no
  /// score.
  private record Hand(double[] points) {
    private static final int OUTSIDE = -1; // where the reference puts such a point

    Hand(float[] shares, Pose pose, double ratio) {
      this(new double[shares.length]);
      double rootX = share(shares[0], pose.width()) * (ratio - 1);
      double rootY = share(shares[1], pose.height()) * (ratio - 1);
      for (int i = 0; i < shares.length; i += 3) {
        boolean isKnown = shares[i + 2] >= LEAST_SCORE;
        double x = isKnown ? share(shares[i], pose.width()) * ratio - rootX : OUTSIDE;
        double y = isKnown ? share(shares[i + 1], pose.height()) * ratio - rootY : OUTSIDE;
        points[i] = x * pose.width();
        points[i + 1] = y * pose.height();
        points[i + 2] = isKnown ? shares[i + 2] : 0;
      }
    }

    /// The reference keeps hands in pixels in between, which rounds.
    private static double share(float share, int side) {
      return (double) share * side / side;
    }

    /// How far the hand goes with its wrist.
    double[] move(double[] original, double[] body, int wrist) {
      double x = body[wrist] - original[wrist];
      double y = body[wrist + 1] - original[wrist + 1];
      boolean isKnown = points[2] > 0;
      return new double[] {
        isKnown ? x + (original[wrist] - points[0]) : x,
        isKnown ? y + (original[wrist + 1] - points[1]) : y
      };
    }

    double distance(double[] original, int wrist) {
      double dx = original[wrist] - points[0];
      double dy = original[wrist + 1] - points[1];
      return Math.sqrt(dx * dx + dy * dy);
    }

    double[] moved(double[] move) {
      double[] moved = new double[points.length];
      for (int i = 0; i < points.length; i += 3) {
        if (points[i + 2] > 0) {
          moved[i] = (int) (points[i] + move[0]);
          moved[i + 1] = (int) (points[i + 1] + move[1]);
          moved[i + 2] = points[i + 2];
        }
      }
      return moved;
    }
  }
}
