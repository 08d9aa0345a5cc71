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

  /// Takes `tokens [tokens, dim]` through the blocks in place: by running `blocks`, or by adding
  /// the residual of an earlier forward of the same branch.
  void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks);

  /// Returns how many forwards have been skipped since the run began.
  int skipped();
}
