package wan4j.parallel;

import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import wan4j.ops.HostExchange;
import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;

/// What the threads of one process tell each other, by reference, where they meet. While the first
/// rank works for all, such as reading a text encoder, the others wait for it ten times as long as
/// for a rank that has stopped.
public final class MeetingExchange implements HostExchange {
  private final Meeting meeting;
  private final int rank;
  private final long limit; // milliseconds

  /// Creates the part of one rank in a meeting whose ranks wait at most so long for each other.
  public MeetingExchange(Meeting meeting, int rank, Duration limit) {
    this.meeting = meeting;
    this.rank = rank;
    this.limit = limit.toMillis();
  }

  /// What the first rank brings.
  ///
  /// @param isDone false while it is still at work
  private record Given(boolean isDone, Object value) {
    static final Given WORKING = new Given(false, null);
  }

  /// What any rank brings.
  private record Brought(Object value) {}

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public List<long[]> all(long... own) {
    return meeting.meet(rank, long[].class, own);
  }

  @Override
  public long[] numbersOfFirst(Supplier<long[]> work) {
    return given(long[].class, work);
  }

  @Override
  public Tensor ofFirst(Supplier<Tensor> work) {
    return given(
        Tensor.class,
        () -> {
          Tensor made = work.get();
          if (made != null) {
            var _ = made.segment(); // made here, once
          }
          return made;
        });
  }

  @Override
  public SavedState stateOfFirst(Supplier<SavedState> work) {
    return given(
        SavedState.class,
        () -> {
          SavedState made = work.get();
          return made == null ? null : made.arrive();
        });
  }

  private <T> T given(Class<T> type, Supplier<T> work) {
    if (rank == 0) {
      T made;
      try (Presence _ = new Presence(() -> meet(Given.WORKING), limit)) {
        made = work.get();
      }
      meet(new Given(true, made));
      return made;
    }
    Given first;
    do {
      first = meet(Given.WORKING);
    } while (!first.isDone);
    return type.cast(first.value);
  }

  private Given meet(Given own) {
    return meeting.meet(rank, Given.class, own).getFirst();
  }

  @Override
  public List<List<Tensor>> toFirst(List<Tensor> own) {
    return brought(own).stream().map(MeetingExchange::tensors).toList();
  }

  @Override
  public List<SavedState> statesToFirst(SavedState own) {
    return brought(own).stream().map(brought -> (SavedState) brought.value).toList();
  }

  private static List<Tensor> tensors(Brought brought) {
    return ((List<?>) brought.value).stream().map(Tensor.class::cast).toList();
  }

  private List<Brought> brought(Object own) {
    List<Brought> all = meeting.meet(rank, Brought.class, new Brought(own));
    return rank == 0 ? all : List.of();
  }
}
