package wan4j.media.jpeg;

/// The inverse cosine transform of a JPEG block, in the integer arithmetic of libjpeg's default so
/// that every value is equal to the bit (Loeffler, Ligtenberg and Moschytz 1989 with 13-bit
/// constants; libjpeg-turbo/libjpeg-turbo 3.1, src/jidctint.c).
final class JpegTransform {
  private static final int BITS = 13;
  private static final int EXTRA = 2;

  private static final int C0_298 = 2446;
  private static final int C0_390 = 3196;
  private static final int C0_541 = 4433;
  private static final int C0_765 = 6270;
  private static final int C0_899 = 7373;
  private static final int C1_175 = 9633;
  private static final int C1_501 = 12299;
  private static final int C1_847 = 15137;
  private static final int C1_961 = 16069;
  private static final int C2_053 = 16819;
  private static final int C2_562 = 20995;
  private static final int C3_072 = 25172;

  private JpegTransform() {}

  /// Writes the 64 values, 0 to 255, of the block whose coefficients begin at `from`.
  static void inverse(short[] coefficients, int from, int[] factors, int[] block) {
    for (int i = 0; i < 64; i++) {
      block[i] = coefficients[from + i] * factors[i];
    }
    // The order matters for the rounding: columns with two more bits, then rows.
    for (int column = 0; column < 8; column++) {
      line(block, column, 8, BITS - EXTRA);
    }
    for (int row = 0; row < 8; row++) {
      line(block, row * 8, 1, BITS + EXTRA + 3);
    }
    for (int i = 0; i < 64; i++) {
      block[i] = Math.clamp(block[i] + 128, 0, 255);
    }
  }

  private static void line(int[] v, int at, int step, int shift) {
    // even part
    int common = (v[at + 2 * step] + v[at + 6 * step]) * C0_541;
    int even2 = common - v[at + 6 * step] * C1_847;
    int even3 = common + v[at + 2 * step] * C0_765;
    int even0 = (v[at] + v[at + 4 * step]) << BITS;
    int even1 = (v[at] - v[at + 4 * step]) << BITS;
    int sum0 = even0 + even3;
    int sum3 = even0 - even3;
    int sum1 = even1 + even2;
    int sum2 = even1 - even2;

    // odd part
    int odd0 = v[at + 7 * step];
    int odd1 = v[at + 5 * step];
    int odd2 = v[at + 3 * step];
    int odd3 = v[at + step];
    int z5 = (odd0 + odd2 + odd1 + odd3) * C1_175;
    int z1 = -(odd0 + odd3) * C0_899;
    int z2 = -(odd1 + odd2) * C2_562;
    int z3 = z5 - (odd0 + odd2) * C1_961;
    int z4 = z5 - (odd1 + odd3) * C0_390;
    odd0 = odd0 * C0_298 + z1 + z3;
    odd1 = odd1 * C2_053 + z2 + z4;
    odd2 = odd2 * C3_072 + z2 + z3;
    odd3 = odd3 * C1_501 + z1 + z4;

    int half = 1 << (shift - 1);
    v[at] = (sum0 + odd3 + half) >> shift;
    v[at + 7 * step] = (sum0 - odd3 + half) >> shift;
    v[at + step] = (sum1 + odd2 + half) >> shift;
    v[at + 6 * step] = (sum1 - odd2 + half) >> shift;
    v[at + 2 * step] = (sum2 + odd1 + half) >> shift;
    v[at + 5 * step] = (sum2 - odd1 + half) >> shift;
    v[at + 3 * step] = (sum3 + odd0 + half) >> shift;
    v[at + 4 * step] = (sum3 - odd0 + half) >> shift;
  }
}
