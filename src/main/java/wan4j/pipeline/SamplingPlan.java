package wan4j.pipeline;

import wan4j.schedule.Sampler;
import wan4j.weights.Expert;

/// How a sample is denoised: the solver, its steps and shift, and how strongly each expert follows
/// the prompt.
public record SamplingPlan(
    Sampler sampler, int steps, double shift, double lowGuidance, double highGuidance) {
  /// Returns the guidance scale of an expert.
  public double guidance(Expert expert) {
    return switch (expert) {
      case HIGH_NOISE -> highGuidance;
      case LOW_NOISE, SINGLE -> lowGuidance;
    };
  }
}
