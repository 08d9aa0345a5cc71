package wan4j.schedule;

import java.util.List;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;

/// DPM-Solver++ (https://arxiv.org/abs/2211.01095) for flow matching: midpoint, second order but
/// for the first and the last step.
///
/// Follows Wan-Video/Wan2.2 42bf4cf, wan/utils/fm_solvers.py.
public final class DpmPlusPlusSolver implements Solver {
  private final FlowSchedule schedule;
  private final History clean;

  /// Creates a solver for float32 samples of the given shape; its state lives in the innermost
  /// scope.
  public DpmPlusPlusSolver(Ops ops, FlowSchedule schedule, long... sizes) {
    this.schedule = schedule;
    this.clean = new History(ops, schedule, 2, sizes);
  }

  @Override
  public void step(Ops ops, Tensor modelOutput, int step, Tensor sample) {
    clean.add(ops, modelOutput, step, sample);
    ExponentialStep advance = ExponentialStep.between(schedule, step, step + 1);
    boolean isSecondOrder = step > 0 && step + 1 < schedule.steps();
    if (!isSecondOrder) {
      ops.linearCombination(
          sample,
          new double[] {advance.sampleFactor(), advance.cleanFactor()},
          List.of(sample, clean.at(step)));
      return;
    }
    // the slope since the last step; from noise level 1 that step is infinitely long, slope 0
    double slope = 0.5 * advance.cleanFactor() / -advance.ratioOf(step - 1);
    ops.linearCombination(
        sample,
        new double[] {advance.sampleFactor(), advance.cleanFactor() + slope, -slope},
        List.of(sample, clean.at(step), clean.at(step - 1)));
  }

  @Override
  public void save(Ops ops, SavedState state) {
    clean.save(ops, state);
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    clean.restore(ops, state);
  }

  @Override
  public FlowSchedule schedule() {
    return schedule;
  }
}
