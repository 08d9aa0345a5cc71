package wan4j.pipeline;

import java.util.List;
import java.util.function.IntConsumer;
import wan4j.cache.StepCache;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The forwards of a step and what guidance makes of them: one for the prompt and, where the scale
/// is not 1, one for the negative prompt, in turn or each by ranks of its own.
final class GuidedForward {
  private final Ops ops;
  private final Conditioning conditioning;
  private final DiffusionNetwork.Prepared prepared;
  private final StepCache cache;
  private final IntConsumer beforeEach;
  private DiffusionNetwork reader; // whose keys and values of the text there are

  /// Velocities float32 of the sample's shape; `unconditional` and `guided` are `conditional` where
  /// the scale is 1.
  record Velocities(Tensor conditional, Tensor unconditional, Tensor guided) {}

  /// Creates the forwards of a clip; `beforeEach` is told the step before each of them.
  GuidedForward(
      Ops ops,
      Conditioning conditioning,
      DiffusionNetwork.Prepared prepared,
      StepCache cache,
      IntConsumer beforeEach) {
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
  Velocities run(Tensor sample, int timestep, int step, int steps, double scale) {
    Tensor conditional =
        forward(sample, timestep, new ForwardPass(Branch.CONDITIONAL, step, steps));
    if (scale == 1) { // the unconditional part vanishes
      return new Velocities(conditional, conditional, conditional);
    }
    Tensor unconditional =
        forward(sample, timestep, new ForwardPass(Branch.UNCONDITIONAL, step, steps));
    Tensor guided = ops.empty(DType.F32, sample.shape().toArray());
    ops.linearCombination(
        guided, new double[] {scale, 1 - scale}, List.of(conditional, unconditional));
    return new Velocities(conditional, unconditional, guided);
  }

  private Tensor forward(Tensor sample, int timestep, ForwardPass pass) {
    beforeEach.accept(pass.step());
    return reader.forward(
        sample,
        timestep,
        pass,
        prepared,
        (tokens, blocks) -> cache.forward(ops, pass.step(), pass.branch(), tokens, blocks));
  }
}
