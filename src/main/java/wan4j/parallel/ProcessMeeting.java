package wan4j.parallel;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// The meeting of a job whose ranks are processes, seen by one of them; it takes what can be
/// written as bytes.
public abstract sealed class ProcessMeeting implements Meeting, AutoCloseable
    permits HubMeeting, SpokeMeeting {
  private final int rank;
  private final int ranks;

  ProcessMeeting(int rank, int ranks) {
    this.rank = rank;
    this.ranks = ranks;
  }

  /// Returns this process's number among the ranks.
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return ranks;
  }

  @Override
  public <T> List<T> meet(int own, Class<T> type, T value) {
    return meet(all(), type, value);
  }

  <T> List<T> meet(List<Integer> members, Class<T> type, T value) {
    return exchange(members, List.of(MeetingBytes.of(type, value))).stream()
        .map(bytes -> MeetingBytes.value(type, bytes))
        .toList();
  }

  /// Brings to some ranks, this one among them, one part for all or one for each, and returns what
  /// each of them brought for this one.
  abstract List<byte[]> exchange(List<Integer> members, List<byte[]> parts);

  List<Integer> all() {
    return IntStream.range(0, ranks).boxed().toList();
  }

  @Override
  public Meeting among(List<Integer> members) {
    return new Part(this, List.copyOf(members));
  }

  /// Ends the job for all ranks with a failure that is told already.
  abstract void fail(RankException first);

  /// Ends this rank's part of the job once the parts of all are done, however long that takes.
  /// Throws `RankException` when one of them fails meanwhile.
  public abstract void finish();

  /// Leaves the job; before [#finish] that ends it for all.
  @Override
  public abstract void close();

  /// The meeting of some of the ranks.
  record Part(ProcessMeeting whole, List<Integer> members) implements Meeting {
    @Override
    public int ranks() {
      return members.size();
    }

    @Override
    public <T> List<T> meet(int own, Class<T> type, T value) {
      return whole.meet(members, type, value);
    }

    @Override
    public Meeting among(List<Integer> some) {
      return new Part(whole, some.stream().map(members::get).toList());
    }

    @Override
    public void fail(int own, Throwable cause) {
      whole.fail(members.get(own), cause);
    }

    @Override
    public void onFailure(Consumer<RankException> listener) {
      whole.onFailure(listener);
    }
  }
}
