package wan4j.preprocess;

/// Which points of a body and of a hand are joined (Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/retarget_pose.py `limbSeq`).
final class Limbs {
  static final int RIGHT_SHOULDER = 0;
  static final int LEFT_SHOULDER = 1;
  static final int RIGHT_CALF = 8;
  static final int LEFT_CALF = 11;
  static final int LEFT_FOOT = 17;
  static final int RIGHT_FOOT = 18;

  /// Pairs of the body's points, numbered as in `Pose`; a limb's second point hangs on its first.
  static final int[][] BODY = {
    {1, 2},
    {1, 5}, // shoulders
    {2, 3},
    {3, 4}, // right arm
    {5, 6},
    {6, 7}, // left arm
    {1, 8},
    {8, 9},
    {9, 10}, // right leg
    {1, 11},
    {11, 12},
    {12, 13}, // left leg
    {1, 0},
    {0, 14},
    {14, 16},
    {0, 15},
    {15, 17}, // nose, eyes, ears
    {13, 18},
    {10, 19} // feet
  };

  /// The body's points of the head.
  static final int[] HEAD = {0, 14, 15, 16, 17};

  /// Pairs of a hand's points: five fingers from the wrist on.
  static final int[][] HAND = {
    {0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 5}, {5, 6}, {6, 7}, {7, 8}, {0, 9}, {9, 10}, {10, 11},
    {11, 12}, {0, 13}, {13, 14}, {14, 15}, {15, 16}, {0, 17}, {17, 18}, {18, 19}, {19, 20}
  };

  private Limbs() {}
}
