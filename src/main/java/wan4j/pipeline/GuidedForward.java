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
/// is not 1, one for the negative prompt, in turn or, where ranks divide the branches, at once.
/// Where the plan gates guidance, the latter's difference from the former is kept and taken in its
/// place as long as the network stays. In steps that compute the prompt's alone, the ranks of both
/// branches share it where they can.
final class GuidedForward implements Saveable {
  private final Ops ops;
  private final Conditioning conditioning;
  private final DiffusionNetwork.Prepared prepared;
  private final StepCache cache;
  private final RunRanks ranks;
  private final IntConsumer beforeEach;
  private final SamplingPlan plan;
  private final Tensor difference; // of the branches' velocities, null where nothing is gated
  private final Shape shape;
  private DiffusionNetwork reader; // whose keys and values of the text there are
  private DiffusionNetwork.Prepared joined; // for all ranks together, null before they first are
  private DiffusionNetwork joinedReader; // the same of that
  private DiffusionNetwork network; // the present step's
  private boolean isJoined; // whether all ranks share the present step's forward
  private Expert expert; // whose difference is kept, null for none
  private int skipped; // forwards of the latest step that were not computed
  private int guesses; // those of them that a guess stands for

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
      RunRanks ranks,
      IntConsumer beforeEach) {
    this.plan = plan;
    this.shape = shape;
    difference = plan.gate() < 1 && plan.isGuided() ? ops.empty(DType.F32, shape.toArray()) : null;
    this.ops = ops;
    this.conditioning = conditioning;
    this.prepared = prepared;
    this.cache = cache;
    this.ranks = ranks;
    this.beforeEach = beforeEach;
  }

  /// Begins a step of an expert: lets its network read what this rank's branches are conditioned
  /// on, unless it was the last to do so; takes room in the innermost scope.
  void use(DiffusionNetwork working, Expert number, int step) {
    network = working;
    double scale = plan.guidance(number);
    boolean isAlone = scale == 1 || isGated(step, number);
    isJoined = isAlone && ranks.canJoin() && !cache.keepsTokens();
    ranks.share(isJoined);
    if (isJoined) {
      readTogether();
    } else if (!network.equals(reader)) {
      reader = network;
      for (Branch branch : Branch.values()) {
        if (ranks.computes(branch) && (branch == Branch.CONDITIONAL || scale != 1)) {
          network.read(conditioning.of(branch), branch, prepared);
        }
      }
    }
  }

  private void readTogether() {
    if (joined == null) {
      joined = network.prepare(shape, conditioning.conditional());
    }
    if (!network.equals(joinedReader)) {
      joinedReader = network;
      network.read(conditioning.conditional(), Branch.CONDITIONAL, joined);
    }
  }

  private boolean isGated(int step, Expert working) {
    return difference != null && plan.isGated(step) && working == expert;
  }

  /// Returns the velocities of a sample in the innermost scope.
  Velocities run(Tensor sample, int timestep, int step, Expert working) {
    skipped = 0;
    guesses = 0;
    int before = cache.skipped();
    Velocities made = velocities(sample, timestep, step, working);
    // all ranks guess alike, but each skips the blocks of its own branch alone
    skipped += guesses + ranks.sumOfBranches(cache.skipped() - before - guesses);
    return made;
  }

  /// Returns how many forwards of the latest step were not computed.
  int skipped() {
    return skipped;
  }

  private Velocities velocities(Tensor sample, int timestep, int step, Expert working) {
    double scale = plan.guidance(working);
    int steps = plan.steps();
    boolean skips = cache.skipsStep(ops, step, steps, working.number(), sample);
    boolean isSkipped = ranks.host().decidedByFirst(() -> skips);
    ForwardPass conditionalPass = new ForwardPass(Branch.CONDITIONAL, step, steps);
    ForwardPass unconditionalPass = new ForwardPass(Branch.UNCONDITIONAL, step, steps);
    boolean isGated = isGated(step, working);
    if (ranks.pair() != null && scale != 1 && !isGated && !isSkipped) {
      return guided(atOnce(sample, timestep, conditionalPass, unconditionalPass), working, scale);
    }
    Tensor conditional = forward(sample, timestep, conditionalPass, isSkipped);
    if (scale == 1) { // the unconditional part vanishes
      return new Velocities(conditional, conditional, conditional);
    }
    if (isGated) {
      Tensor unconditional = ops.empty(DType.F32, sample.shape().toArray());
      Tensor guided = ops.empty(DType.F32, sample.shape().toArray());
      ops.linearCombination(unconditional, new double[] {1, 1}, List.of(conditional, difference));
      ops.linearCombination(guided, new double[] {1, 1 - scale}, List.of(conditional, difference));
      cache.forget(Branch.UNCONDITIONAL);
      skipped++;
      return new Velocities(conditional, unconditional, guided);
    }
    Tensor unconditional = forward(sample, timestep, unconditionalPass, isSkipped);
    return guided(List.of(conditional, unconditional), working, scale);
  }

  private Velocities guided(List<Tensor> branches, Expert working, double scale) {
    Tensor conditional = branches.get(0);
    Tensor unconditional = branches.get(1);
    Tensor guided = ops.empty(DType.F32, conditional.shape().toArray());
    ops.linearCombination(
        guided, new double[] {scale, 1 - scale}, List.of(conditional, unconditional));
    if (difference != null) {
      ops.linearCombination(difference, new double[] {1, -1}, List.of(unconditional, conditional));
      expert = working;
    }
    return new Velocities(conditional, unconditional, guided);
  }

  /// Returns the velocities of both branches, of which each rank computes its own.
  private List<Tensor> atOnce(
      Tensor sample, int timestep, ForwardPass conditional, ForwardPass unconditional) {
    beforeEach.accept(conditional.step());
    Tensor own =
        computed(
            sample, timestep, ranks.computes(Branch.CONDITIONAL) ? conditional : unconditional);
    long[] sizes = sample.shape().toArray();
    List<Tensor> both = List.of(ops.empty(DType.F32, sizes), ops.empty(DType.F32, sizes));
    ranks.pair().allGather(own, both);
    cache.computed(ops, Branch.CONDITIONAL, sample, both.get(0));
    cache.computed(ops, Branch.UNCONDITIONAL, sample, both.get(1));
    return both;
  }

  /// Returns the velocity of one branch; the ranks of the other one share the work, or wait for it.
  private Tensor forward(Tensor sample, int timestep, ForwardPass pass, boolean isSkipped) {
    Tensor guess = isSkipped ? cache.velocity(ops, pass.branch(), sample) : null;
    if (guess != null) {
      guesses++;
      return guess;
    }
    beforeEach.accept(pass.step());
    Tensor velocity =
        isJoined || ranks.computes(pass.branch())
            ? computed(sample, timestep, pass)
            : ops.empty(DType.F32, sample.shape().toArray());
    if (ranks.pair() != null && !isJoined) {
      ranks.pair().broadcast(RunRanks.of(pass.branch()), velocity);
    }
    cache.computed(ops, pass.branch(), sample, velocity);
    return velocity;
  }

  private Tensor computed(Tensor sample, int timestep, ForwardPass pass) {
    return network.forward(
        sample,
        timestep,
        pass,
        isJoined ? joined : prepared,
        (tokens, blocks) -> cache.forward(ops, pass.step(), pass.branch(), tokens, blocks));
  }

  @Override
  public void save(Ops backend, SavedState state) {
    if (expert != null) {
      state.put("expert", expert.number());
      state.put(backend, "difference", difference);
    }
  }

  @Override
  public void restore(Ops backend, SavedState state) {
    expert = null;
    if (difference != null && state.has("expert")) {
      expert = Expert.of(state.count("expert", Expert.values().length - 1));
      state.copy(backend, "difference", difference);
    }
  }
}
