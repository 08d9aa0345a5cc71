package wan4j.parallel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
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
    double[] all = numbers(brought.getFirst().tensors.getFirst());
    for (int other = 1; other < ranks(); other++) {
      double[] own = numbers(brought.get(other).tensors.getFirst());
      for (int i = 0; i < all.length; i++) {
        all[i] =
            switch (reduction) {
              case SUM -> all[i] + own[i];
              case MAXIMUM -> Math.max(all[i], own[i]);
            };
      }
    }
    try (var _ = ops.scope()) {
      ops.copy(ops.upload(tensor(all, values), values.dtype()), values);
    }
  }

  private static double[] numbers(Tensor host) {
    if (host.dtype() != DType.F64) {
      float[] values = host.toFloats();
      return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
    return host.segment().toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
  }

  private static Tensor tensor(double[] numbers, Tensor like) {
    if (like.dtype() == DType.F64) {
      return new Tensor(like.shape(), DType.F64, new HostStorage(MemorySegment.ofArray(numbers)));
    }
    float[] values = new float[numbers.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) numbers[i];
    }
    return Tensor.of(values, like.shape().toArray());
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
