package wan4j.preprocess;

import java.util.Arrays;

/// Where a person's points are in a picture of `width` by `height` pixels: x and y as shares of it,
/// and a score, of 20 points of the body, 21 of each hand and 69 of the face.
///
/// The body's are nose, neck, right shoulder, elbow and wrist, the left ones, right hip, knee and
/// ankle, the left ones, right eye, left eye, right ear, left ear, left toe, right toe. What a
/// network did not find has a low score; there is no point without a place.
record Pose(
    int width, int height, float[] body, float[] leftHand, float[] rightHand, float[] face) {
  /// How many points a whole-body network finds: COCO-WholeBody's.
  static final int WHOLE_BODY = 133;

  static final int NOSE = 0;
  static final int NECK = 1;
  static final int RIGHT_SHOULDER = 2;
  static final int RIGHT_WRIST = 4;
  static final int LEFT_SHOULDER = 5;
  static final int LEFT_WRIST = 7;
  static final int RIGHT_HIP = 8;
  static final int RIGHT_ANKLE = 10;
  static final int LEFT_HIP = 11;
  static final int LEFT_ANKLE = 13;
  static final int LEFT_TOE = 18;
  static final int RIGHT_TOE = 19;

  /// The points of the whole body that each of the body's 20 is the mean of (Wan2.2 42bf4cf,
  /// wan/modules/animate/preprocess/pose2d_utils.py `split_kp2ds_for_aa`).
  private static final int[] ONE = {
    0, 6, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 17, 20
  };

  private static final int[] OTHER = {
    0, 5, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 18, 21
  };

  private static final int FACE = 22;
  private static final int LEFT_HAND = 91;
  private static final int RIGHT_HAND = 112;

  /// Returns the pose of 133 points x, y, score in pixels.
  static Pose of(float[] points, int width, int height) {
    float[] shares = points.clone();
    for (int i = 0; i < WHOLE_BODY; i++) {
      shares[i * 3] /= width;
      shares[i * 3 + 1] /= height;
    }
    float[] body = new float[ONE.length * 3];
    for (int i = 0; i < body.length; i++) {
      body[i] = (shares[ONE[i / 3] * 3 + i % 3] + shares[OTHER[i / 3] * 3 + i % 3]) / 2;
    }
    return new Pose(
        width,
        height,
        body,
        Arrays.copyOfRange(shares, LEFT_HAND * 3, RIGHT_HAND * 3),
        Arrays.copyOfRange(shares, RIGHT_HAND * 3, WHOLE_BODY * 3),
        Arrays.copyOfRange(shares, FACE * 3, LEFT_HAND * 3));
  }

  /// Returns this pose with the body of another where every point of its own lies beyond the left
  /// or the upper edge, as when nothing was found.
  Pose orBodyOf(Pose other) {
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < body.length; i += 3) {
      most = Math.max(most, Math.min(body[i], body[i + 1]));
    }
    return most < 0 && other != null
        ? new Pose(width, height, other.body, leftHand, rightHand, face)
        : this;
  }

  /// Returns the same pose in a picture whose sides are `scale` times as long, rounded down.
  Pose resized(double scale) {
    return new Pose((int) (width * scale), (int) (height * scale), body, leftHand, rightHand, face);
  }

  /// Returns the points in pixels.
  Skeleton skeleton() {
    return new Skeleton(pixels(body), pixels(leftHand), pixels(rightHand));
  }

  private double[] pixels(float[] shares) {
    double[] pixels = new double[shares.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = i % 3 == 0 ? (double) shares[i] * width : shares[i];
      pixels[i] = i % 3 == 1 ? (double) shares[i] * height : pixels[i];
    }
    return pixels;
  }

  /// The score of a point of the body.
  float score(int point) {
    return body[point * 3 + 2];
  }
}
