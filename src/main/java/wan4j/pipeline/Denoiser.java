package wan4j.pipeline;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import wan4j.cache.StepCache;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.schedule.FlowSchedule;
import wan4j.schedule.Solver;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// The sampling loop that all tasks share: at each step an expert, its forwards with guidance, and
/// the solver's step.
public final class Denoiser {
  private final Ops ops;
  private final Experts experts;
  private final RunRanks ranks;

  /// Creates a denoiser over a model's experts on one rank.
  public Denoiser(Ops ops, Experts experts) {
    this(ops, experts, RunRanks.ALONE);
  }

  /// Creates the denoiser of one of the ranks that denoise a sample together.
  public Denoiser(Ops ops, Experts experts, RunRanks ranks) {
    this.ops = ops;
    this.experts = experts;
    this.ranks = ranks;
  }

  /// Denoises float32 `noise [channels, frames, height, width]`, in host memory, to latents in host
  /// memory; `cache` makes the clip's cache for tokens `[tokens, dim]`. Throws `InputException`
  /// after a step that leaves NaN or infinity in them, and `CancellationException` between two
  /// forwards when the listener says that it is cancelled.
  public Tensor run(
      SamplingPlan plan,
      Tensor noise,
      Conditioning conditioning,
      Function<Shape, StepCache> cache,
      StepListener listener) {
    return run(plan, noise, new SavedState(), conditioning, cache, listener);
  }

  /// Goes on from a state that [StepListener.Outcome] made in a run of the same plan, conditioning
  /// and kind of cache, to the same latents; throws `InputException` when it is of another.
  public Tensor resume(
      SamplingPlan plan,
      SavedState state,
      Conditioning conditioning,
      Function<Shape, StepCache> cache,
      StepListener listener) {
    return run(plan, state.tensor("sample"), state, conditioning, cache, listener);
  }

  private Tensor run(
      SamplingPlan plan,
      Tensor start,
      SavedState state,
      Conditioning conditioning,
      Function<Shape, StepCache> cache,
      StepListener listener) {
    experts.forEachLoaded((_, network) -> network.restart());
    ranks.share(false);
    try (var _ = ops.scope()) {
      Tensor sample = ops.upload(start, DType.F32);
      conditioning.constrain(ops, sample);
      FlowSchedule schedule = plan.sampler().schedule(plan.steps(), plan.shift());
      Solver solver = plan.sampler().solver(ops, schedule, sample.shape().toArray());
      Run run = new Run(plan, schedule, solver, conditioning, cache, sample, state, listener);
      Tensor latents = start;
      for (int step = run.first(); step < schedule.steps(); step++) {
        latents = run.step(step);
      }
      return latents;
    }
  }

  /// One clip's way through the steps.
  private final class Run {
    private final SamplingPlan plan;
    private final FlowSchedule schedule;
    private final Solver solver;
    private final Conditioning conditioning;
    private final Function<Shape, StepCache> caches;
    private final Tensor sample;
    private final SavedState from; // empty for a run from its beginning
    private final StepListener listener;
    private final Set<Expert> met = EnumSet.noneOf(Expert.class);
    private StepCache cache; // like the forwards made when the first network is there
    private GuidedForward forwards;

    Run(
        SamplingPlan plan,
        FlowSchedule schedule,
        Solver solver,
        Conditioning conditioning,
        Function<Shape, StepCache> caches,
        Tensor sample,
        SavedState from,
        StepListener listener) {
      this.plan = plan;
      this.schedule = schedule;
      this.solver = solver;
      this.conditioning = conditioning;
      this.caches = caches;
      this.sample = sample;
      this.from = from;
      this.listener = listener;
    }

    /// Returns the first step to take, after putting back what is needed for it.
    int first() {
      if (!isResumed()) {
        return 0;
      }
      solver.restore(ops, from.at("solver"));
      return from.count("step", schedule.steps());
    }

    private boolean isResumed() {
      return from.has("step");
    }

    /// Takes a step and returns the latents after it, in host memory.
    Tensor step(int step) {
      int timestep = schedule.timestep(step);
      Expert expert = experts.at(timestep);
      requireNotCancelled(step);
      listener.begins(step, expert);
      double scale = plan.guidance(expert);
      DiffusionNetwork network = experts.get(expert);
      if (forwards == null) {
        prepare(network);
      }
      forwards.use(network, expert, step);
      restore(network, expert);
      try (var _ = ops.scope()) {
        GuidedForward.Velocities made = forwards.run(sample, timestep, step, expert);
        solver.step(ops, made.guided(), step, sample);
        conditioning.constrain(ops, sample);
        Tensor latents = ops.download(sample);
        requireFinite(latents, step);
        listener.ends(
            new StepListener.Outcome(
                step,
                schedule.steps(),
                expert,
                scale == 1 ? 1 : 2,
                forwards.skipped(),
                made.conditional(),
                made.unconditional(),
                made.guided(),
                latents,
                () -> clean(step, made.guided()),
                () -> state(step, latents, expert)));
        return latents;
      }
    }

    /// Puts back what an expert's forwards had left behind when the run was saved; after it has
    /// read the conditions anew, since that moves histories too.
    private void restore(DiffusionNetwork network, Expert expert) {
      if (met.add(expert) && from.has(name(expert))) {
        network.restore(ops, from.at(name(expert)));
      }
    }

    private void prepare(DiffusionNetwork network) {
      DiffusionNetwork.Prepared prepared =
          network.prepare(sample.shape(), conditioning.conditional());
      cache = caches.apply(prepared.tokens());
      if (isResumed()) {
        cache.restore(ops, from.at("cache"));
      }
      forwards =
          new GuidedForward(
              ops,
              plan,
              sample.shape(),
              conditioning,
              prepared,
              cache,
              ranks,
              this::requireNotCancelled);
      if (isResumed()) {
        forwards.restore(ops, from.at("guidance"));
      }
    }

    /// Returns the clean sample, of which the one after a step is so far away as the noise level
    /// says.
    private Tensor clean(int step, Tensor velocity) {
      try (var _ = ops.scope()) {
        Tensor clean = ops.empty(DType.F32, sample.shape().toArray());
        double level = schedule.sigma(step + 1);
        ops.linearCombination(clean, new double[] {1, -level}, List.of(sample, velocity));
        return ops.download(clean);
      }
    }

    /// Noise levels only fall, so an expert whose steps are done does not work again, and one whose
    /// steps have not begun has nothing to save.
    private SavedState state(int step, Tensor latents, Expert expert) {
      SavedState state = new SavedState();
      state.put("step", step + 1);
      state.put("sample", latents);
      solver.save(ops, state.at("solver"));
      cache.save(ops, state.at("cache"));
      forwards.save(ops, state.at("guidance"));
      experts.get(expert).save(ops, state.at(name(expert)));
      return state;
    }

    private static String name(Expert expert) {
      return expert.name().toLowerCase(Locale.ROOT);
    }

    private void requireNotCancelled(int step) {
      if (listener.isCancelled()) {
        throw new CancellationException(
            "cancelled in step %d of %d".formatted(step + 1, schedule.steps()));
      }
    }

    private void requireFinite(Tensor latents, int step) {
      if (!latents.isFinite()) {
        throw new InputException(
            "the latents are NaN or infinite after step %d of %d; expected finite numbers: check the LoRA files and their strengths, the guidance and the checkpoint"
                .formatted(step + 1, schedule.steps()));
      }
    }
  }
}
