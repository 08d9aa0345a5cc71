package wan4j.cuda.tune;

import java.util.Arrays;
import java.util.function.Supplier;

/// What another algorithm must satisfy to replace the first.
final class SameResult {
  /// Elements of two outputs that are compared.
  static final int COMPARED = 4 << 20;

  private static final double ROUNDING = 1e-2; // distance of two orders of summing in bfloat16

  private SameResult() {}

  /// Says whether an algorithm gives the same bytes twice, and the first algorithm's values but for
  /// the order of their sums.
  static boolean holds(Supplier<float[]> first, Supplier<float[]> chosen) {
    float[] expected = first.get();
    float[] values = chosen.get();
    double difference = 0;
    double size = 0;
    for (int i = 0; i < values.length; i++) {
      double distance = (double) values[i] - expected[i];
      difference += distance * distance;
      size += (double) expected[i] * expected[i];
    }
    return Math.sqrt(difference) <= ROUNDING * Math.sqrt(size)
        && Arrays.equals(values, chosen.get());
  }
}
