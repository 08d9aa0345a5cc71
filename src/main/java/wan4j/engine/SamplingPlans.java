package wan4j.engine;

import wan4j.Sampling;
import wan4j.pipeline.SamplingPlan;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;

/// What a request's way of sampling means for the loop.
public final class SamplingPlans {
  private SamplingPlans() {}

  /// Returns the plan of the loop.
  public static SamplingPlan of(Sampling sampling) {
    Sampler sampler =
        switch (sampling.solver()) {
          case UNIPC -> Sampler.UNIPC;
          case DPM_PLUS_PLUS -> Sampler.DPM_PLUS_PLUS;
          case EULER -> Sampler.EULER;
        };
    return new SamplingPlan(
        sampler,
        sampling.steps(),
        sampling.shift(),
        sampling.lowGuidance(),
        sampling.highGuidance());
  }

  /// Returns the generator of the noise, at its beginning.
  public static Noise noise(Sampling sampling) {
    Noise.Kind kind =
        switch (sampling.noise()) {
          case CPU -> Noise.Kind.CPU;
          case CUDA -> Noise.Kind.CUDA;
        };
    return Noise.of(kind, sampling.seed());
  }
}
