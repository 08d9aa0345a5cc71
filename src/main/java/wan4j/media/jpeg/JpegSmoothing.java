package wan4j.media.jpeg;

/// Estimates the low coefficients that a progressive file has not sent, or not to their last bit,
/// from the means of a block and the 24 around it, as libjpeg does unless it is told not to
/// (libjpeg-turbo/libjpeg-turbo 231c68f, src/jdcoefct.c, `decompress_smooth_data`).
final class JpegSmoothing {
  /// The coefficients that can be estimated are the mean and the first nine after it in zigzag
  /// order.
  private static final int LAST = 9;

  // Weights of the means of 5 x 5 blocks, in 256ths, for the coefficient at each place in zigzag
  // order: when no coefficient but the mean is known, and when some are.
  private static final int[][] OF_MEANS_ALONE = {
    {
      -2, -6, -8, -6, -2, //
      -6, 6, 42, 6, -6, //
      -8, 42, 152, 42, -8, //
      -6, 6, 42, 6, -6, //
      -2, -6, -8, -6, -2
    },
    {
      -1, -1, 0, 1, 1, //
      -3, 13, 0, -13, 3, //
      -3, 38, 0, -38, 3, //
      -3, 13, 0, -13, 3, //
      -1, -1, 0, 1, 1
    },
    {
      -1, -3, -3, -3, -1, //
      -1, 13, 38, 13, -1, //
      0, 0, 0, 0, 0, //
      1, -13, -38, -13, 1, //
      1, 3, 3, 3, 1
    },
    {
      0, 0, 1, 0, 0, //
      0, 2, 7, 2, 0, //
      0, -5, -14, -5, 0, //
      0, 2, 7, 2, 0, //
      0, 0, 1, 0, 0
    },
    {
      -1, 0, 0, 0, 1, //
      0, 9, 0, -9, 0, //
      0, 0, 0, 0, 0, //
      0, -9, 0, 9, 0, //
      1, 0, 0, 0, -1
    },
    {
      0, 0, 0, 0, 0, //
      0, 2, -5, 2, 0, //
      1, 7, -14, 7, 1, //
      0, 2, -5, 2, 0, //
      0, 0, 0, 0, 0
    },
    {
      0, 0, 0, 0, 0, //
      0, 1, 0, -1, 0, //
      0, 2, 0, -2, 0, //
      0, 1, 0, -1, 0, //
      0, 0, 0, 0, 0
    },
    {
      0, 0, 0, 0, 0, //
      0, 1, -3, 1, 0, //
      0, 0, 0, 0, 0, //
      0, -1, 3, -1, 0, //
      0, 0, 0, 0, 0
    },
    {
      0, 0, 0, 0, 0, //
      0, 1, 0, -1, 0, //
      0, -3, 0, 3, 0, //
      0, 1, 0, -1, 0, //
      0, 0, 0, 0, 0
    },
    {
      0, 0, 0, 0, 0, //
      0, 1, 2, 1, 0, //
      0, 0, 0, 0, 0, //
      0, -1, -2, -1, 0, //
      0, 0, 0, 0, 0
    },
  };

  private static final int[][] BESIDE_OTHERS = {
    null,
    {
      0, 0, 0, 0, 0, //
      0, 0, 0, 0, 0, //
      -7, 50, 0, -50, 7, //
      0, 0, 0, 0, 0, //
      0, 0, 0, 0, 0
    },
    {
      0, 0, -7, 0, 0, //
      0, 0, 50, 0, 0, //
      0, 0, 0, 0, 0, //
      0, 0, -50, 0, 0, //
      0, 0, 7, 0, 0
    },
    {
      0, 0, -1, 0, 0, //
      0, 0, 13, 0, 0, //
      0, 0, -24, 0, 0, //
      0, 0, 13, 0, 0, //
      0, 0, -1, 0, 0
    },
    {
      0, -1, 0, 1, 0, //
      -1, 10, 0, -10, 1, //
      0, 0, 0, 0, 0, //
      1, -10, 0, 10, -1, //
      0, 1, 0, -1, 0
    },
    {
      0, 0, 0, 0, 0, //
      0, 0, 0, 0, 0, //
      -1, 13, -24, 13, -1, //
      0, 0, 0, 0, 0, //
      0, 0, 0, 0, 0
    },
  };

  private final JpegComponent component;
  private final int unitsDown;
  private final int[][] weights;

  /// Prepares a component of a picture that is `unitsDown` interleaved units high.
  JpegSmoothing(JpegComponent component, int unitsDown) {
    this.component = component;
    this.unitsDown = unitsDown;
    boolean knowsMeansAlone = true;
    for (int k = 1; k <= LAST; k++) {
      knowsMeansAlone &= component.missingBits[k] == JpegComponent.UNKNOWN;
    }
    weights = knowsMeansAlone ? OF_MEANS_ALONE : BESIDE_OTHERS;
  }

  /// Says whether a component's estimates can be made, by its quantisation table and its means.
  static boolean isPossible(JpegComponent component) {
    for (int k = 0; k <= LAST; k++) {
      if (component.factors[JpegScan.ORDER[k]] == 0) {
        return false;
      }
    }
    return component.missingBits[0] != JpegComponent.UNKNOWN;
  }

  /// Says whether a coefficient that can be estimated is not known to its last bit.
  static boolean isUseful(JpegComponent component) {
    for (int k = 1; k <= LAST; k++) {
      if (component.missingBits[k] != 0) {
        return true;
      }
    }
    return false;
  }

  /// Writes the block at column `x` and row `y`, with estimates where coefficients are missing.
  void read(int x, int y, short[] block) {
    System.arraycopy(component.coefficients, component.block(x, y), block, 0, 64);
    long[] means = means(x, y);
    for (int k = 1; k < weights.length; k++) {
      int missing = component.missingBits[k];
      int place = JpegScan.ORDER[k];
      if (missing != 0 && block[place] == 0) {
        block[place] = (short) estimate(means, weights[k], component.factors[place], missing);
      }
    }
    if (weights[0] != null) {
      block[0] = (short) estimate(means, weights[0], component.factors[0], JpegComponent.UNKNOWN);
    }
  }

  private long estimate(long[] means, int[] weight, long factor, int missing) {
    long sum = 0;
    for (int i = 0; i < means.length; i++) {
      sum += weight[i] * means[i];
    }
    sum *= component.factors[0];
    long size = ((factor << 7) + Math.abs(sum)) / (factor << 8);
    if (missing > 0) {
      size = Math.min(size, (1L << missing) - 1);
    }
    return sum >= 0 ? size : -size;
  }

  /// Returns the means of the 5 x 5 blocks around one, those at an edge repeated.
  private long[] means(int x, int y) {
    long[] means = new long[25];
    int lastColumn = component.blocksAcross - 1;
    for (int dy = -2, i = 0; dy <= 2; dy++) {
      int row = neighbour(y, dy);
      for (int dx = -2; dx <= 2; dx++, i++) {
        int column = Math.clamp(x + dx, 0, lastColumn);
        means[i] = component.coefficients[component.block(column, row)];
      }
    }
    return means;
  }

  /// Returns the row that libjpeg takes for the one `step` beside row `y`. It counts the rows of
  /// the last unit as if all units had as many, which differs from the true count where the last
  /// one is cut.
  private int neighbour(int y, int step) {
    int unit = y / component.vertical;
    int rows = component.vertical;
    if (unit == unitsDown - 1 && component.blocksDown % rows != 0) {
      rows = component.blocksDown % rows;
    }
    int counted = unit * rows + y % component.vertical;
    int last = rows * unitsDown - 1;
    return y + Math.clamp(counted + step, 0, last) - counted;
  }
}
