package wan4j.ops;

import java.util.List;
import wan4j.tensor.Tensor;

/// What ranks exchange with each other. Every rank calls the same methods in the same order, each
/// with tensors of its own backend; an exchange is in order with the backend's other work. A rank
/// that fails ends all others at their next exchange, or in the one at which they wait.
public interface Collectives extends AutoCloseable {
  /// Returns this rank's number, from 0.
  int rank();

  /// Returns how many ranks there are.
  int ranks();

  /// Sends `sources`, of which entry i goes to rank i modulo ranks, and writes what the ranks send
  /// to this one to `targets`, of which entry i comes from rank i modulo ranks; both are of equal
  /// shapes and types.
  void allToAll(List<Tensor> sources, List<Tensor> targets);

  /// Begins to do so after the backend's work that was asked for before, and where [#runsBeside]
  /// says so, beside what is asked for later. Until it has been awaited, all tensors live and stay
  /// as they are.
  default Begun beginAllToAll(List<Tensor> sources, List<Tensor> targets) {
    allToAll(sources, targets);
    return () -> {};
  }

  /// Says whether an exchange that was begun takes nothing from the backend's other work.
  default boolean runsBeside() {
    return false;
  }

  /// An exchange under way.
  @FunctionalInterface
  interface Begun {
    /// Lets all later work of the backend follow the exchange; every rank calls it once, in the
    /// same order.
    void await();
  }

  /// Writes the tensor of each rank to `targets`, one a rank in order; this rank's may be `source`
  /// itself.
  void allGather(Tensor source, List<Tensor> targets);

  /// Turns each rank's float32 or float64 values into those of all ranks, in place: the same bytes
  /// on each.
  void reduce(SequenceGroup.Reduction reduction, Tensor values);

  /// Copies the tensor of a rank to all others, in place.
  void broadcast(int from, Tensor values);

  /// Sends a tensor to the next rank, the last one to the first, and writes what comes from the
  /// rank before to another of the same shape and type, which may not overlap it.
  void shift(Tensor toNext, Tensor fromPrevious);

  /// Ends the job of all ranks because of a failure of this one.
  void fail(Throwable cause);

  @Override
  void close();
}
