package wan4j.engine;

import wan4j.CacheSettings;
import wan4j.Task;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;
import wan4j.pipeline.SamplingPlan;

/// What MagCache knows of a task's run before it begins.
public final class MagCacheSchedules {
  private MagCacheSchedules() {}

  /// Returns the schedule of a plan; `boundary` is the noise level between the experts. Throws
  /// `InputException` when the file of ratios cannot be used.
  public static MagCacheSchedule of(
      CacheSettings.MagCache settings,
      Task task,
      boolean hasImage,
      SamplingPlan plan,
      double boundary) {
    RetentionRule rule =
        switch (task) {
          case T2V_A14B -> RetentionRule.BOTH_EXPERTS;
          case I2V_A14B -> RetentionRule.LOW_NOISE_EXPERT;
          case TI2V_5B, S2V_14B, ANIMATE_14B -> RetentionRule.WHOLE_RUN;
        };
    int split =
        rule == RetentionRule.WHOLE_RUN
            ? 0
            : MagCacheSchedule.splitStep(plan.steps(), plan.shift(), boundary);
    return new MagCacheSchedule(
        new MagCacheSettings(settings.threshold(), settings.retention(), settings.skips()),
        rule,
        settings.ratios() == null
            ? published(task, hasImage)
            : MagnitudeRatios.read(settings.ratios()),
        plan.steps(),
        split);
  }

  private static MagnitudeRatios published(Task task, boolean hasImage) {
    return MagnitudeRatios.published(
        switch (task) {
          case T2V_A14B -> "t2v";
          case I2V_A14B -> "i2v";
          case ANIMATE_14B -> task.spelling(); // none are
          case TI2V_5B -> hasImage ? "ti2v-image" : "ti2v-text";
          case S2V_14B -> task.spelling(); // none are published
        });
  }
}
