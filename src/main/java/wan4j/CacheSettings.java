package wan4j;

import java.nio.file.Path;
import java.util.Objects;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;

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

    /// Returns what MagCache knows of a run of a task before it begins; `boundary` is the noise
    /// level between the experts. Throws `InputException` when the file of ratios cannot be used.
    /// Public for the packages of this module alone.
    @SuppressWarnings("exports")
    public MagCacheSchedule schedule(
        Task task, boolean hasImage, int steps, double shift, double boundary) {
      RetentionRule rule =
          switch (task) {
            case T2V_A14B -> RetentionRule.BOTH_EXPERTS;
            case I2V_A14B -> RetentionRule.LOW_NOISE_EXPERT;
            case TI2V_5B -> RetentionRule.WHOLE_RUN;
          };
      int split = task == Task.TI2V_5B ? 0 : MagCacheSchedule.splitStep(steps, shift, boundary);
      return new MagCacheSchedule(
          new MagCacheSettings(threshold, retention, skips),
          rule,
          ratios == null ? published(task, hasImage) : MagnitudeRatios.read(ratios),
          steps,
          split);
    }

    private static MagnitudeRatios published(Task task, boolean hasImage) {
      return MagnitudeRatios.published(
          switch (task) {
            case T2V_A14B -> "t2v";
            case I2V_A14B -> "i2v";
            case TI2V_5B -> hasImage ? "ti2v-image" : "ti2v-text";
          });
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
