package wan4j.parallel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Tensor;

/// Exchange between processes through host memory and the connections of their job, by way of rank
/// 0: for backends without NCCL, which are processors.
public final class SocketCollectives implements Collectives {
  private final Ops ops;
  private final ProcessMeeting meeting;
  private final List<Integer> members;
  private final int rank;

  /// Creates this process's part among some ranks of a job, in ascending order.
  public SocketCollectives(Ops ops, ProcessMeeting meeting, List<Integer> members) {
    this.ops = ops;
    this.meeting = meeting;
    this.members = List.copyOf(members);
    rank = members.indexOf(meeting.rank());
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return members.size();
  }

  @Override
  public void allToAll(List<Tensor> sources, List<Tensor> targets) {
    int ranks = ranks();
    for (int first = 0; first < sources.size(); first += ranks) {
      List<byte[]> parts = sources.subList(first, first + ranks).stream().map(this::bytes).toList();
      write(meeting.exchange(members, parts), targets.subList(first, first + ranks));
    }
  }

  @Override
  public void allGather(Tensor source, List<Tensor> targets) {
    write(meeting.exchange(members, List.of(bytes(source))), targets);
  }

  /// Adds in the order of ranks on every rank, so that all get the same bytes.
  @Override
  public void reduce(SequenceGroup.Reduction reduction, Tensor values) {
    List<Tensor> all =
        meeting.exchange(members, List.of(bytes(values))).stream()
            .map(bytes -> host(bytes, values))
            .toList();
    try (var _ = ops.scope()) {
      ops.copy(ops.upload(HostReduction.of(reduction, all), values.dtype()), values);
    }
  }

  @Override
  public void broadcast(int from, Tensor values) {
    byte[] own = rank == from ? bytes(values) : new byte[0];
    byte[] sent = meeting.exchange(members, List.of(own)).get(from);
    if (rank != from) {
      write(sent, values);
    }
  }

  @Override
  public void shift(Tensor toNext, Tensor fromPrevious) {
    int next = (rank + 1) % ranks();
    List<byte[]> parts = new ArrayList<>();
    IntStream.range(0, ranks())
        .forEach(other -> parts.add(other == next ? bytes(toNext) : new byte[0]));
    List<byte[]> seen = meeting.exchange(members, parts);
    write(seen.get((rank + ranks() - 1) % ranks()), fromPrevious);
  }

  private byte[] bytes(Tensor tensor) {
    return ops.download(tensor).segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private void write(List<byte[]> seen, List<Tensor> targets) {
    for (int i = 0; i < seen.size(); i++) {
      write(seen.get(i), targets.get(i));
    }
  }

  private void write(byte[] bytes, Tensor target) {
    if (bytes.length != target.bytes()) {
      throw new IllegalArgumentException(
          "rank %d was given %d bytes for %s".formatted(rank, bytes.length, target));
    }
    if (bytes.length > 0) {
      try (var _ = ops.scope()) {
        ops.copy(ops.upload(host(bytes, target), target.dtype()), target);
      }
    }
  }

  private static Tensor host(byte[] bytes, Tensor like) {
    return new Tensor(like.shape(), like.dtype(), new HostStorage(MemorySegment.ofArray(bytes)));
  }

  @Override
  public void fail(Throwable cause) {
    meeting.fail(meeting.rank(), cause);
  }

  @Override
  public void close() {
    // the connections are the job's
  }
}
