package wan4j.cache;

import wan4j.ops.Ops;
import wan4j.ops.Saveable;
import wan4j.ops.SavedState;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;

/// May a forward's blocks be skipped? A cache serves one sampling run; its tensors live in the
/// scope that is open when it is created, and no forward allocates any.
public interface StepCache extends Saveable {
  /// Computes every forward.
  StepCache NONE =
      new StepCache() {
        @Override
        public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
          blocks.run();
        }

        @Override
        public int skipped() {
          return 0;
        }

        @Override
        public void save(Ops ops, SavedState state) {}

        @Override
        public void restore(Ops ops, SavedState state) {}
      };

  /// Takes `tokens [tokens, dim]` of a forward that is not skipped whole through the blocks in
  /// place: by running `blocks`, or by adding the residual of an earlier forward of the same
  /// branch.
  void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks);

  /// Begins a step at a sample, float32 on the backend, and says whether its forwards are to be
  /// skipped whole; `network` numbers the network whose step it is. Asked once a step.
  default boolean skipsStep(Ops ops, int step, int steps, int network, Tensor sample) {
    return false;
  }

  /// Returns, in the innermost scope, the velocity that stands for a branch's forward in a step
  /// that is skipped whole; null where that forward is to be computed nevertheless.
  default Tensor velocity(Ops ops, Branch branch, Tensor sample) {
    return null;
  }

  /// A branch's forward over a sample was not skipped whole, and gave a velocity.
  default void computed(Ops ops, Branch branch, Tensor sample, Tensor velocity) {}

  /// The branch has missed forwards, so that its next is to be computed.
  default void forget(Branch branch) {}

  /// Says whether it keeps what a forward's tokens were, so that the ranks that share a forward
  /// must stay the same.
  default boolean keepsTokens() {
    return false;
  }

  /// Returns how many forwards have been skipped since the run began.
  int skipped();
}
