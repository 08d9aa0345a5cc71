package wan4j.pipeline;

import java.util.function.Supplier;
import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// Receives every step of the sampling loop.
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

  /// Says whether the run is to stop; asked before each forward.
  default boolean isCancelled() {
    return false;
  }

  /// What a step did.
  ///
  /// @param step its number from 0
  /// @param steps the number of all
  /// @param expert whose step it was
  /// @param forwards how many forwards it has without a cache
  /// @param skipped how many of them were not computed
  /// @param conditional the velocity for the prompt, on the backend; it changes after the call
  /// @param unconditional the velocity for the negative prompt; without guidance `conditional`
  /// @param velocity the guided velocity, which changes too
  /// @param latents the sample after the step, float32 in host memory
  /// @param clean reads the clean sample that the velocity implies, float32; to be asked within the
  ///   call
  /// @param state begins to read all that the run needs to go on after this step; to be asked
  ///   within the call, and to have arrived before the backend closes
  record Outcome(
      int step,
      int steps,
      Expert expert,
      int forwards,
      int skipped,
      Tensor conditional,
      Tensor unconditional,
      Tensor velocity,
      Tensor latents,
      Supplier<Tensor> clean,
      Supplier<SavedState> state) {
    /// Returns the same with another way to read the state.
    public Outcome with(Supplier<SavedState> other) {
      return new Outcome(
          step,
          steps,
          expert,
          forwards,
          skipped,
          conditional,
          unconditional,
          velocity,
          latents,
          clean,
          other);
    }
  }
}
