package wan4j.schedule;

import wan4j.ops.Ops;
import wan4j.ops.Saveable;
import wan4j.tensor.Tensor;

/// Turns the network's predictions into the next, less noisy sample. A solver serves one sampling
/// run at a time; its state is allocated when it is created, in the scope that is then open, and
/// nothing is allocated by a step. Step 0 begins a new run.
public sealed interface Solver extends Saveable
    permits UniPcSolver, DpmPlusPlusSolver, EulerSolver {
  /// Replaces `sample`, at noise level `sigma(step)`, by the one at `sigma(step + 1)`, given the
  /// network's flow prediction for it; both are float32 of the shape that the solver was created
  /// for. Throws `IllegalStateException` when steps do not follow one another.
  void step(Ops ops, Tensor modelOutput, int step, Tensor sample);

  /// Returns the solver's noise levels.
  FlowSchedule schedule();
}
