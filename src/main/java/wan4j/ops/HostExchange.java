package wan4j.ops;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import wan4j.tensor.Tensor;

/// What the ranks of a request tell each other in host memory, so that what one of them decides or
/// reads is the same for all. Every rank calls the same methods in the same order; a rank that
/// fails ends the others in the one at which they wait.
public interface HostExchange {
  /// One rank, which is the first.
  HostExchange ALONE =
      new HostExchange() {
        @Override
        public int rank() {
          return 0;
        }

        @Override
        public List<long[]> all(long... own) {
          return List.of(own);
        }

        @Override
        public long[] numbersOfFirst(Supplier<long[]> work) {
          return work.get();
        }

        @Override
        public Tensor ofFirst(Supplier<Tensor> work) {
          return work.get();
        }

        @Override
        public SavedState stateOfFirst(Supplier<SavedState> work) {
          return work.get();
        }

        @Override
        public List<List<Tensor>> toFirst(List<Tensor> own) {
          return List.of(own);
        }

        @Override
        public List<SavedState> statesToFirst(SavedState own) {
          return List.of(own);
        }
      };

  /// Returns this rank's number, from 0.
  int rank();

  /// Says whether this is the rank that decides, reads and writes for all.
  default boolean isFirst() {
    return rank() == 0;
  }

  /// Returns the numbers that each rank brings, in the order of ranks.
  List<long[]> all(long... own);

  /// Returns the numbers that the first rank's work gives; the others wait for that long.
  long[] numbersOfFirst(Supplier<long[]> work);

  /// Returns what the first rank decides, which must not take it long.
  default boolean decidedByFirst(BooleanSupplier decision) {
    return all(isFirst() && decision.getAsBoolean() ? 1 : 0).getFirst()[0] != 0;
  }

  /// Returns what the callers of the ranks decide: the first rank's where ranks are threads of one
  /// caller, any of them where each is a process with a caller of its own.
  default boolean decidedByCallers(BooleanSupplier decision) {
    return decidedByFirst(decision);
  }

  /// Returns the host tensor, or null, that the first rank's work gives; the others wait for that
  /// long.
  Tensor ofFirst(Supplier<Tensor> work);

  /// Returns the state, or null, that the first rank's work gives; the others wait for that long.
  SavedState stateOfFirst(Supplier<SavedState> work);

  /// Returns the host tensors that each rank brings, in the order of ranks, to the first rank, and
  /// nothing to others.
  List<List<Tensor>> toFirst(List<Tensor> own);

  /// Returns the state that each rank brings, in the order of ranks, to the first rank, and nothing
  /// to others.
  List<SavedState> statesToFirst(SavedState own);
}
