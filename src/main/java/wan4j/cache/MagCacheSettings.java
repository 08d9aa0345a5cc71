package wan4j.cache;

import wan4j.tensor.InputException;

/// MagCache's settings: the accumulated error below which a forward may be skipped, the share of
/// forwards that are always computed, and the largest number of skips in a row.
public record MagCacheSettings(double threshold, double retention, int largestSkips) {
  /// The defaults of the FP8 fork's command line.
  public static final MagCacheSettings DEFAULT = new MagCacheSettings(0.04, 0.2, 2);

  /// Checks the settings; throws `InputException` when one of them is out of range.
  public MagCacheSettings {
    if (!(threshold >= 0 && threshold < Double.POSITIVE_INFINITY)) {
      throw new InputException(
          "magcache_thresh got %s; it takes a number from 0 on, 0.04 to 0.24 being usual"
              .formatted(threshold));
    }
    if (!(retention >= 0 && retention <= 1)) {
      throw new InputException(
          "retention_ratio got %s; it takes a number from 0 to 1, 0.2 being usual"
              .formatted(retention));
    }
    if (largestSkips < 0) {
      throw new InputException(
          "magcache_K got %d; it takes a whole number from 0 on, 2 or 4 being usual"
              .formatted(largestSkips));
    }
  }
}
