package wan4j.cache;

/// What MagCache knows before a run: which forwards may be skipped, and the expected ratio of the
/// blocks' residuals from step to step. Forwards are numbered 2 · step + branch.
public final class MagCacheSchedule {
  private static final double LAST_SIGMA = 0.01;
  private static final int TRAINING_STEPS = 1000;

  private final MagCacheSettings settings;
  private final RetentionRule rule;
  private final double[] ratios;
  private final int split;

  /// Creates a schedule for a run of `steps` steps of which the first `splitStep` are the
  /// high-noise expert's, or 0 where there is one transformer.
  public MagCacheSchedule(
      MagCacheSettings settings,
      RetentionRule rule,
      MagnitudeRatios ratios,
      int steps,
      int splitStep) {
    this.settings = settings;
    this.rule = rule;
    this.ratios = ratios.forSteps(steps);
    this.split = 2 * splitStep;
  }

  /// Returns the number of steps that MagCache counts as the high-noise expert's when the experts
  /// change at noise level `boundary`; it can differ by one from the sampler's own.
  ///
  /// Follows mali-afridi/Wan2.2_FP8 ee86e2e, wan/magcache_fsdp_wrapper.py: noise levels from 1 to
  /// 0.01, and float32 where the sampler has float64.
  public static int splitStep(int steps, double shift, double boundary) {
    double stride = (LAST_SIGMA - 1) / steps;
    int split = 0;
    for (int i = 0; i < steps; i++) {
      double even = i * stride + 1;
      float sigma = (float) (shift * even / (1 + (shift - 1) * even));
      if ((int) (sigma * TRAINING_STEPS) >= TRAINING_STEPS * boundary) {
        split++;
      }
    }
    return split;
  }

  /// Returns the settings.
  MagCacheSettings settings() {
    return settings;
  }

  /// Says whether a forward may be skipped at all.
  boolean maySkip(int pass) {
    return rule.maySkip(pass, ratios.length, split, settings.retention());
  }

  /// Returns the expected ratio of the blocks' residual to that of the step before.
  double ratio(int pass) {
    return ratios[pass];
  }
}
