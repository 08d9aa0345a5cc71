package wan4j.schedule.noise;

/// The counter-based generator Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
/// 1, 2, 3", 2011): four 32-bit numbers for each counter and key.
final class Philox {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /// Writes the four numbers for a counter, given as its lower and upper 64 bits, and a 64-bit key.
  static void generate(long lower, long upper, long key, int[] target) {
    int c0 = (int) lower;
    int c1 = (int) (lower >>> 32);
    int c2 = (int) upper;
    int c3 = (int) (upper >>> 32);
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    for (int i = 0; i < ROUNDS; i++) {
      long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
      long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    target[0] = c0;
    target[1] = c1;
    target[2] = c2;
    target[3] = c3;
  }
}
