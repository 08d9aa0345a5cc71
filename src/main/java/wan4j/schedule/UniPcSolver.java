package wan4j.schedule;

import java.util.List;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// UniPC (https://arxiv.org/abs/2302.04867) for flow matching, the B(h) = exp(h) - 1 variant at
/// order 2: each step first corrects the sample that the previous step predicted, at the order of
/// that prediction, then predicts the next. The first and the last prediction are of order 1.
///
/// Follows Wan-Video/Wan2.2 42bf4cf, wan/utils/fm_solvers_unipc.py.
public final class UniPcSolver implements Solver {
  private final FlowSchedule schedule;
  private final History clean;
  private final Tensor corrected;

  /// Creates a solver for float32 samples of the given shape; its state lives in the innermost
  /// scope.
  public UniPcSolver(Ops ops, FlowSchedule schedule, long... sizes) {
    this.schedule = schedule;
    this.clean = new History(ops, schedule, 3, sizes);
    this.corrected = ops.empty(DType.F32, sizes);
  }

  @Override
  public void step(Ops ops, Tensor modelOutput, int step, Tensor sample) {
    clean.add(ops, modelOutput, step, sample);
    if (step == 0) {
      ops.linearCombination(corrected, new double[] {1}, List.of(sample));
    } else {
      correct(ops, step);
    }
    predict(ops, step, sample);
  }

  @Override
  public void save(Ops ops, SavedState state) {
    clean.save(ops, state);
    state.put("corrected", ops.download(corrected));
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    clean.restore(ops, state);
    state.copy(ops, "corrected", corrected);
  }

  @Override
  public FlowSchedule schedule() {
    return schedule;
  }

  private boolean isSecondOrder(int step) {
    return step > 0 && step + 1 < schedule.steps();
  }

  /// Repeats the previous step, now that the prediction at its end is known.
  private void correct(Ops ops, int step) {
    ExponentialStep advance = ExponentialStep.between(schedule, step - 1, step);
    double factor = advance.cleanFactor();
    if (!isSecondOrder(step - 1)) {
      ops.linearCombination(
          corrected,
          new double[] {advance.sampleFactor(), factor - 0.5 * factor, 0.5 * factor},
          List.of(corrected, clean.at(step - 1), clean.at(step)));
      return;
    }
    // the two weights solve [1 1; r 1] w = b, where r is the earlier point's place
    double ratio = advance.ratioOf(step - 2);
    double h = -advance.length();
    double growth = Math.expm1(h);
    double first = growth / h - 1;
    double second = first / h - 0.5;
    double earlier = (first - 2 * second) / growth / (1 - ratio);
    double latest = first / growth - earlier;
    double onEarlier = factor * earlier / ratio;
    double onLatest = factor * latest;
    ops.linearCombination(
        corrected,
        new double[] {advance.sampleFactor(), factor - onEarlier - onLatest, onEarlier, onLatest},
        List.of(corrected, clean.at(step - 1), clean.at(step - 2), clean.at(step)));
  }

  private void predict(Ops ops, int step, Tensor sample) {
    ExponentialStep advance = ExponentialStep.between(schedule, step, step + 1);
    double factor = advance.cleanFactor();
    if (!isSecondOrder(step)) {
      ops.linearCombination(
          sample,
          new double[] {advance.sampleFactor(), factor},
          List.of(corrected, clean.at(step)));
      return;
    }
    double onEarlier = 0.5 * factor / advance.ratioOf(step - 1);
    ops.linearCombination(
        sample,
        new double[] {advance.sampleFactor(), factor - onEarlier, onEarlier},
        List.of(corrected, clean.at(step), clean.at(step - 1)));
  }
}
