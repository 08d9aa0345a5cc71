package wan4j.pipeline;

import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// Hears of every step of the sampling loop.
public interface StepListener {
  /// Does nothing.
  StepListener NONE =
      new StepListener() {
        @Override
        public void begins(int step, Expert expert) {}

        @Override
        public void ends(Outcome outcome) {}
      };

  /// Step `step` (from 0) begins; its expert may have to be loaded first.
  void begins(int step, Expert expert);

  /// A step is done.
  void ends(Outcome outcome);

  /// What a step did: how many of its forwards came from the cache, and the tensors of the moment,
  /// which change after the call. Without guidance, `unconditional` is `conditional`.
  record Outcome(
      int step,
      int steps,
      Expert expert,
      int skipped,
      Tensor conditional,
      Tensor unconditional,
      Tensor velocity,
      Tensor sample) {}
}
