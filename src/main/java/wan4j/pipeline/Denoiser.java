package wan4j.pipeline;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import wan4j.cache.StepCache;
import wan4j.model.LatentGrid;
import wan4j.model.RotaryTable;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.schedule.FlowSchedule;
import wan4j.schedule.Solver;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// The sampling loop that all tasks share: at each step an expert, a forward for the prompt and one
/// for the negative prompt, guidance, and the solver's step.
public final class Denoiser {
  private final Ops ops;
  private final Experts experts;

  /// Creates a denoiser over a model's experts.
  public Denoiser(Ops ops, Experts experts) {
    this.ops = ops;
    this.experts = experts;
  }

  /// Denoises float32 `noise [channels, frames, height, width]`, in host memory, to latents in host
  /// memory; `cache` makes the run's cache for a number of tokens. Throws `InputException` after a
  /// step that leaves NaN or infinity in them.
  public Tensor run(
      SamplingPlan plan,
      Tensor noise,
      Prompts prompts,
      Conditioning conditioning,
      IntFunction<StepCache> cache,
      StepListener listener) {
    experts.forEachLoaded((_, transformer) -> transformer.restart());
    try (var _ = ops.scope()) {
      Tensor sample = ops.upload(noise, DType.F32);
      conditioning.constrain(ops, sample);
      FlowSchedule schedule = plan.sampler().schedule(plan.steps(), plan.shift());
      Solver solver = plan.sampler().solver(ops, schedule, sample.shape().toArray());
      int tokens = LatentGrid.of(sample.shape()).tokens();
      var run = new Run(plan, prompts, conditioning, cache.apply(tokens), sample);
      Tensor latents = noise;
      for (int step = 0; step < schedule.steps(); step++) {
        run.step(step, schedule, solver, listener);
        latents = ops.download(sample);
        requireFinite(latents, step, schedule.steps());
      }
      return latents;
    }
  }

  private static void requireFinite(Tensor sample, int step, int steps) {
    if (!sample.isFinite()) {
      throw new InputException(
          "the latents are NaN or infinite after step %d of %d; expected finite numbers: check the LoRA files and their strengths, the guidance and the checkpoint"
              .formatted(step + 1, steps));
    }
  }

  /// One request's way through the steps.
  private final class Run {
    private final SamplingPlan plan;
    private final Prompts prompts;
    private final Conditioning conditioning;
    private final StepCache cache;
    private final Tensor sample;
    private final Tensor rotary;
    private final Map<Branch, TextKeys> textKeys = new EnumMap<>(Branch.class);
    private Expert textExpert; // whose keys they are

    Run(
        SamplingPlan plan,
        Prompts prompts,
        Conditioning conditioning,
        StepCache cache,
        Tensor sample) {
      this.plan = plan;
      this.prompts = prompts;
      this.conditioning = conditioning;
      this.cache = cache;
      this.sample = sample;
      LatentGrid grid = LatentGrid.of(sample.shape());
      int headSize = experts.config().headDim();
      rotary =
          ops.upload(
              RotaryTable.of(grid.frames(), grid.rows(), grid.columns(), headSize), DType.F32);
    }

    void step(int step, FlowSchedule schedule, Solver solver, StepListener listener) {
      int timestep = schedule.timestep(step);
      Expert expert = experts.at(timestep);
      listener.begins(step, expert);
      WanTransformer transformer = experts.get(expert);
      double guidance = plan.guidance(expert);
      if (textExpert != expert) {
        readText(transformer, guidance);
        textExpert = expert;
      }
      try (var _ = ops.scope()) {
        Timesteps timesteps = conditioning.timesteps(timestep);
        List<Tensor> latents = conditioning.latents(sample);
        int skippedBefore = cache.skipped();
        int steps = schedule.steps();
        ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, step, steps);
        Tensor conditional = forward(transformer, latents, timesteps, pass);
        Tensor unconditional = conditional;
        Tensor velocity = conditional;
        if (guidance != 1) { // at 1 the unconditional part vanishes
          pass = new ForwardPass(Branch.UNCONDITIONAL, step, steps);
          unconditional = forward(transformer, latents, timesteps, pass);
          velocity = ops.empty(DType.F32, sample.shape().toArray());
          ops.linearCombination(
              velocity, new double[] {guidance, 1 - guidance}, List.of(conditional, unconditional));
        }
        solver.step(ops, velocity, step, sample);
        conditioning.constrain(ops, sample);
        listener.ends(
            new StepListener.Outcome(
                step,
                steps,
                expert,
                cache.skipped() - skippedBefore,
                conditional,
                unconditional,
                velocity,
                sample));
      }
    }

    /// Writes an expert's keys and values of the text over those of the expert before; the experts
    /// change once in a run.
    private void readText(WanTransformer transformer, double guidance) {
      List<Branch> branches = new ArrayList<>(List.of(Branch.CONDITIONAL));
      if (guidance != 1) {
        branches.add(Branch.UNCONDITIONAL);
      }
      for (Branch branch : branches) {
        TextKeys target = textKeys.computeIfAbsent(branch, _ -> transformer.emptyText());
        try (var _ = ops.scope()) {
          transformer.text(ops.upload(prompts.of(branch), DType.F32), branch, target);
        }
      }
    }

    private Tensor forward(
        WanTransformer transformer, List<Tensor> latents, Timesteps timesteps, ForwardPass pass) {
      return transformer.forward(
          latents,
          timesteps,
          textKeys.get(pass.branch()),
          rotary,
          pass,
          (tokens, blocks) -> cache.forward(ops, pass.step(), pass.branch(), tokens, blocks));
    }
  }
}
