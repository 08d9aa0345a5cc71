package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Ops;
import wan4j.schedule.FlowSchedule;
import wan4j.schedule.Sampler;
import wan4j.schedule.Solver;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A solver's noise levels, its timesteps, and the sample after each step for given predictions.
final class SchedulerCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Sampler sampler = Sampler.of(reference.json().path("solver").asString());
    int steps = reference.json().path("steps").asInt();
    FlowSchedule schedule = sampler.schedule(steps, reference.json().path("shift").asDouble());
    double tolerance = reference.tolerance("latents");
    List<Comparison> comparisons = new ArrayList<>();
    float[] sigmas = new float[steps + 1];
    int[] timesteps = new int[steps];
    for (int i = 0; i < steps; i++) {
      sigmas[i] = schedule.sigma(i);
      timesteps[i] = schedule.timestep(i);
    }
    comparisons.add(
        Comparison.relative(
            "out.sigmas",
            Tensor.of(sigmas, sigmas.length),
            reference.tensor("out.sigmas"),
            tolerance));
    comparisons.add(
        Comparison.exact(
            "out.timesteps",
            Tensor.of(timesteps, timesteps.length),
            reference.tensor("out.timesteps")));
    Ops ops = backend.ops();
    Tensor outputs = reference.tensor("in.model_outputs");
    Tensor latents = reference.tensor("out.latents");
    try (var _ = ops.scope()) {
      Tensor sample = ops.upload(reference.tensor("in.latent"), DType.F32);
      Solver solver = sampler.solver(ops, schedule, sample.shape().toArray());
      for (int i = 0; i < steps; i++) {
        solver.step(ops, ops.upload(outputs.at(i), DType.F32), i, sample);
        comparisons.add(
            Comparison.relative(
                "out.latents." + i, ops.download(sample), latents.at(i), tolerance));
      }
    }
    return comparisons;
  }
}
