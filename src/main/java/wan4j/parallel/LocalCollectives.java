package wan4j.parallel;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// Exchange between threads of one process whose backends can read each other's memory: processors,
/// or ranks that share one GPU. Each rank finishes its work, then copies what it is to have, then
/// waits until all have.
public final class LocalCollectives implements Collectives {
  private final Ops ops;
  private final Meeting meeting;
  private final int rank;

  /// Creates the part of one rank.
  public LocalCollectives(Ops ops, Meeting meeting, int rank) {
    this.ops = ops;
    this.meeting = meeting;
    this.rank = rank;
  }

  /// What a rank brings to a meeting.
  private record Brought(List<Tensor> tensors) {}

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return meeting.ranks();
  }

  @Override
  public void allToAll(List<Tensor> sources, List<Tensor> targets) {
    exchange(
        sources,
        brought -> {
          for (int i = 0; i < targets.size(); i++) {
            int from = i % ranks();
            copy(brought.get(from).tensors.get(i - from + rank), targets.get(i));
          }
        });
  }

  @Override
  public void allGather(Tensor source, List<Tensor> targets) {
    exchange(
        List.of(source),
        brought ->
            IntStream.range(0, ranks())
                .forEach(from -> copy(brought.get(from).tensors.getFirst(), targets.get(from))));
  }

  /// Adds in the order of ranks on every rank, so that all get the same bytes.
  @Override
  public void reduce(SequenceGroup.Reduction reduction, Tensor values) {
    List<Brought> brought = meet(List.of(ops.download(values)));
    List<Tensor> all = brought.stream().map(other -> other.tensors.getFirst()).toList();
    try (var _ = ops.scope()) {
      ops.copy(ops.upload(HostReduction.of(reduction, all), values.dtype()), values);
    }
  }

  @Override
  public void broadcast(int from, Tensor values) {
    exchange(
        List.of(values),
        brought -> {
          if (rank != from) {
            copy(brought.get(from).tensors.getFirst(), values);
          }
        });
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    int previous = (rank + ranks() - 1) % ranks();
    exchange(
        List.of(toNext), brought -> copy(brought.get(previous).tensors.getFirst(), fromPrevious));
  }

  private void exchange(List<Tensor> own, Consumer<List<Brought>> copies) {
    ops.synchronize(); // what others are to read is there
    copies.accept(meet(own));
    ops.synchronize();
    meet(List.of()); // nobody reads any more
  }

  private List<Brought> meet(List<Tensor> tensors) {
    return meeting.meet(rank, Brought.class, new Brought(tensors));
  }

  private void copy(Tensor source, Tensor target) {
    if (!source.shape().equals(target.shape()) || source.dtype() != target.dtype()) {
      throw new IllegalArgumentException(
          "rank %d was given %s for %s".formatted(rank, source, target));
    }
    if (!source.equals(target)) { // what a rank gives itself may be there already
      ops.copy(source, target);
    }
  }

  @Override
  public void fail(Throwable cause) {
    meeting.fail(rank, cause);
  }

  @Override
  public void close() {
    // the memory is the backends'
  }
}
