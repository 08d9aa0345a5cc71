package wan4j;

import java.nio.file.Path;
import java.util.Objects;
import wan4j.cache.MagCacheSettings;
import wan4j.tensor.InputException;

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

  /// EasyCache: all forwards of a step are skipped while the relative change that is expected of
  /// the velocity, accumulated since the last computed step, stays below `threshold`, never in the
  /// first `retained` steps of an expert nor in the last step.
  record EasyCache(double threshold, int retained) implements CacheSettings {
    /// Checks the numbers; throws `InputException` when one is out of range.
    public EasyCache {
      if (!(threshold >= 0 && threshold < Double.POSITIVE_INFINITY)) {
        throw new InputException(
            "easycache_thresh got %s; it takes a number from 0 on, 0.05 being usual"
                .formatted(threshold));
      }
      if (retained < 1) {
        throw new InputException(
            "easycache_steps got %d; it takes a whole number from 1 on, 7 being usual"
                .formatted(retained));
      }
    }

    /// Returns what its authors take for a task (H-EmbodVis/EasyCache 3149a41,
    /// EasyCache4Wan2.2/easycache_generate.py).
    public static EasyCache of(Task task) {
      return new EasyCache(task == Task.T2V_A14B ? 0.06 : 0.05, 7);
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
