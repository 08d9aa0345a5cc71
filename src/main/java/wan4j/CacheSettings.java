package wan4j;

import java.nio.file.Path;
import java.util.Objects;
import wan4j.cache.MagCacheSettings;

/// Whether and how forwards are skipped.
public sealed interface CacheSettings {
  /// Every forward is computed.
  record Off() implements CacheSettings {}

  /// MagCache: forwards are skipped while the accumulated error stays below `threshold` and at most
  /// `skips` in a row, never in the first `retention` of the steps; `ratios` is a calibration file,
  /// or null for the published table of the task.
  record MagCache(double threshold, int skips, double retention, Path ratios)
      implements CacheSettings {
    /// The defaults of the command line, with the task's published ratios.
    public static final MagCache DEFAULT =
        new MagCache(
            MagCacheSettings.DEFAULT.threshold(),
            MagCacheSettings.DEFAULT.largestSkips(),
            MagCacheSettings.DEFAULT.retention(),
            null);

    /// Checks the numbers; throws `InputException` when one is out of range.
    public MagCache {
      var _ = new MagCacheSettings(threshold, retention, skips);
    }
  }

  /// Every forward is computed, and its ratios are measured and written to a file that `MagCache`
  /// reads.
  record Calibration(Path target) implements CacheSettings {
    /// Refuses null by name, with a `NullPointerException`.
    public Calibration {
      Objects.requireNonNull(target, "target");
    }
  }
}
