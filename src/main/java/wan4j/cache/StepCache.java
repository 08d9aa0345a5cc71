package wan4j.cache;

import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;

/// Decides whether a forward's blocks are skipped. A cache serves one sampling run; its tensors
/// live in the scope that is open when it is created, and no forward allocates any.
public interface StepCache {
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
      };

  /// Takes `tokens [tokens, dim]` through the blocks in place: by running `blocks`, or by adding
  /// the residual of an earlier forward of the same branch.
  void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks);

  /// Returns how many forwards have been skipped since the run began.
  int skipped();
}
