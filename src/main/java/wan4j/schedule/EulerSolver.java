package wan4j.schedule;

import java.util.List;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;

/// First order: follows the predicted flow in a straight line; keeps no state.
public final class EulerSolver implements Solver {
  private final FlowSchedule schedule;

  /// Creates a solver for samples of any shape.
  public EulerSolver(FlowSchedule schedule) {
    this.schedule = schedule;
  }

  @Override
  public void step(Ops ops, Tensor modelOutput, int step, Tensor sample) {
    double stride = (double) schedule.sigma(step + 1) - schedule.sigma(step);
    ops.linearCombination(sample, new double[] {1, stride}, List.of(sample, modelOutput));
  }

  @Override
  public void save(Ops ops, SavedState state) {}

  @Override
  public void restore(Ops ops, SavedState state) {}

  @Override
  public FlowSchedule schedule() {
    return schedule;
  }
}
