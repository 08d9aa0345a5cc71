package wan4j.engine;

import wan4j.Sampling;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.SamplingPlan;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.BFloat16;
import wan4j.tensor.Tensor;

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
        sampling.highGuidance(),
        sampling.gate());
  }

  /// Returns the noise of a course's clips. Where each has a seed of its own, its numbers are those
  /// of bfloat16, in which the reference draws them.
  public static CourseRun.ClipNoise noise(Sampling sampling, Course course) {
    if (!course.seedsEachClip()) {
      Noise noise = noise(sampling);
      return (_, shape) -> noise.randn(shape);
    }
    return (clip, shape) -> rounded(Noise.of(kind(sampling), sampling.seed() + clip).randn(shape));
  }

  private static Tensor rounded(Tensor noise) {
    float[] values = noise.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(BFloat16.fromFloat(values[i]));
    }
    return Tensor.of(values, noise.shape().toArray());
  }

  /// Returns the generator of the noise, at its beginning.
  public static Noise noise(Sampling sampling) {
    return Noise.of(kind(sampling), sampling.seed());
  }

  private static Noise.Kind kind(Sampling sampling) {
    return switch (sampling.noise()) {
      case CPU -> Noise.Kind.CPU;
      case CUDA -> Noise.Kind.CUDA;
    };
  }
}
