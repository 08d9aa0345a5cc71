package wan4j.ops;

import java.util.List;
import wan4j.tensor.Tensor;

/// How ranks of one process that load the same network at the same time share its weights: each
/// reads and quantises some of the tensors, of which the others take copies, and where weights are
/// sharded each keeps only one part of every block's. Every rank calls the same methods in the same
/// order.
public interface WeightSharing {
  /// One rank, which reads and keeps everything.
  WeightSharing NONE =
      new WeightSharing() {
        @Override
        public int rank() {
          return 0;
        }

        @Override
        public int ranks() {
          return 1;
        }

        @Override
        public boolean isSharded() {
          return false;
        }

        @Override
        public List<List<Tensor>> show(List<Tensor> own) {
          return List.of(own);
        }

        @Override
        public void release(Runnable free) {
          free.run();
        }
      };

  /// Returns this rank's number, from 0.
  int rank();

  /// Returns how many ranks there are.
  int ranks();

  /// Says whether each rank keeps only its part of the blocks.
  boolean isSharded();

  /// Shows the others memory that they may read, waits for all, and returns what each shows, in the
  /// order of ranks; an empty list where the others are only imagined.
  List<List<Tensor>> show(List<Tensor> own);

  /// Frees what was shown, once no other rank reads it any more.
  void release(Runnable free);
}
