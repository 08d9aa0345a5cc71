package wan4j;

import wan4j.pipeline.SamplingPlan;
import wan4j.schedule.Sampler;
import wan4j.tensor.InputException;

/// How a video is sampled from noise; bad values are refused with an `InputException`.
///
/// @param solver `unipc`, `dpm++` or `euler`
/// @param steps solver steps
/// @param shift how far the noise levels are shifted up
/// @param lowGuidance guidance scale of the low-noise or only expert; 1 for none
/// @param highGuidance guidance scale of the high-noise expert
/// @param seed seed of the noise, 0 or more
/// @param noise whose generator the noise equals: PyTorch's `cpu` or `cuda`
public record Sampling(
    String solver,
    int steps,
    double shift,
    double lowGuidance,
    double highGuidance,
    long seed,
    String noise) {
  /// Checks what a solver does not.
  public Sampling {
    requireScale(lowGuidance);
    requireScale(highGuidance);
    if (seed < 0) {
      throw new InputException("base_seed got %d; it takes 0 or more".formatted(seed));
    }
  }

  private static void requireScale(double value) {
    if (!(value >= 0 && value <= 1000)) {
      throw new InputException(
          "sample_guide_scale got %s; it takes a number from 0 to 1000, 3 to 5 being usual"
              .formatted(value));
    }
  }

  /// Returns a task's usual way with a seed.
  public static Sampling of(Task task, long seed) {
    Task.Defaults defaults = task.defaults();
    return new Sampling(
        "unipc",
        defaults.steps(),
        defaults.shift(),
        defaults.lowGuidance(),
        defaults.highGuidance(),
        seed,
        "cuda");
  }

  /// Returns the same with another number of steps.
  public Sampling withSteps(int count) {
    return new Sampling(solver, count, shift, lowGuidance, highGuidance, seed, noise);
  }

  /// Says whether any expert looks at the negative prompt.
  public boolean isGuided() {
    return lowGuidance != 1 || highGuidance != 1;
  }

  /// Returns the plan of the loop; throws `InputException` for an unknown solver.
  SamplingPlan plan() {
    return new SamplingPlan(Sampler.of(solver), steps, shift, lowGuidance, highGuidance);
  }
}
