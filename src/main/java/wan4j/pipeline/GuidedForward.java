package wan4j.pipeline;

import java.util.List;
import java.util.function.IntConsumer;
import wan4j.cache.StepCache;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.Saveable;
import wan4j.ops.SavedState;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// The forwards of a step and what guidance makes of them: one for the prompt and, where the scale
/// is not 1, one for the negative prompt, in turn. Where the plan gates guidance, the latter's
/// difference from the former is kept and taken in its place as long as the network stays.
final class GuidedForward implements Saveable {
  private final Ops ops;
  private final Conditioning conditioning;
  private final DiffusionNetwork.Prepared prepared;
  private final StepCache cache;
  private final IntConsumer beforeEach;
  private final SamplingPlan plan;
  private final Tensor difference; // of the branches' velocities, null where nothing is gated
  private DiffusionNetwork reader; // whose keys and values of the text there are
  private Expert expert; // whose difference is kept, null for none
  private int left; // forwards left out because a difference was kept

  /// Velocities float32 of the sample's shape; `unconditional` and `guided` are `conditional` where
  /// the scale is 1.
  record Velocities(Tensor conditional, Tensor unconditional, Tensor guided) {}

  /// Creates the forwards of a clip over samples of a shape; `beforeEach` is told the step before
  /// each of them.
  GuidedForward(
      Ops ops,
      SamplingPlan plan,
      Shape shape,
      Conditioning conditioning,
      DiffusionNetwork.Prepared prepared,
      StepCache cache,
      IntConsumer beforeEach) {
    this.plan = plan;
    difference = plan.gate() < 1 && plan.isGuided() ? ops.empty(DType.F32, shape.toArray()) : null;
    this.ops = ops;
    this.conditioning = conditioning;
    this.prepared = prepared;
    this.cache = cache;
    this.beforeEach = beforeEach;
  }

  /// Lets a network read what the branches are conditioned on, unless it was the last to do so;
  /// takes room in the innermost scope.
  void use(DiffusionNetwork network, double scale) {
    if (!network.equals(reader)) {
      reader = network;
      network.read(conditioning.conditional(), Branch.CONDITIONAL, prepared);
      if (scale != 1) {
        network.read(conditioning.unconditional(), Branch.UNCONDITIONAL, prepared);
      }
    }
  }

  /// Returns the velocities of a sample in the innermost scope.
  Velocities run(Tensor sample, int timestep, int step, Expert working) {
    double scale = plan.guidance(working);
    int steps = plan.steps();
    boolean isSkipped = cache.skipsStep(ops, step, steps, working.number(), sample);
    Tensor conditional =
        forward(sample, timestep, new ForwardPass(Branch.CONDITIONAL, step, steps), isSkipped);
    if (scale == 1) { // the unconditional part vanishes
      return new Velocities(conditional, conditional, conditional);
    }
    Tensor guided = ops.empty(DType.F32, sample.shape().toArray());
    if (difference != null && plan.isGated(step) && working == expert) {
      Tensor unconditional = ops.empty(DType.F32, sample.shape().toArray());
      ops.linearCombination(unconditional, new double[] {1, 1}, List.of(conditional, difference));
      ops.linearCombination(guided, new double[] {1, 1 - scale}, List.of(conditional, difference));
      cache.forget(Branch.UNCONDITIONAL);
      left++;
      return new Velocities(conditional, unconditional, guided);
    }
    Tensor unconditional =
        forward(sample, timestep, new ForwardPass(Branch.UNCONDITIONAL, step, steps), isSkipped);
    ops.linearCombination(
        guided, new double[] {scale, 1 - scale}, List.of(conditional, unconditional));
    if (difference != null) {
      ops.linearCombination(difference, new double[] {1, -1}, List.of(unconditional, conditional));
      expert = working;
    }
    return new Velocities(conditional, unconditional, guided);
  }

  /// Returns how many forwards a kept difference has stood for.
  int left() {
    return left;
  }

  private Tensor forward(Tensor sample, int timestep, ForwardPass pass, boolean isSkipped) {
    Tensor guess = isSkipped ? cache.velocity(ops, pass.branch(), sample) : null;
    if (guess != null) {
      return guess;
    }
    beforeEach.accept(pass.step());
    Tensor velocity =
        reader.forward(
            sample,
            timestep,
            pass,
            prepared,
            (tokens, blocks) -> cache.forward(ops, pass.step(), pass.branch(), tokens, blocks));
    cache.computed(ops, pass.branch(), sample, velocity);
    return velocity;
  }

  @Override
  public void save(Ops backend, SavedState state) {
    state.put("left", left);
    if (expert != null) {
      state.put("expert", expert.number());
      state.put(backend, "difference", difference);
    }
  }

  @Override
  public void restore(Ops backend, SavedState state) {
    left = state.count("left", Integer.MAX_VALUE);
    expert = null;
    if (difference != null && state.has("expert")) {
      expert = Expert.of(state.count("expert", Expert.values().length - 1));
      state.copy(backend, "difference", difference);
    }
  }
}
