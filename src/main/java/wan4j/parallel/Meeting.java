package wan4j.parallel;

import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// Where the threads of one process meet, one a rank: each brings something and sees what the
/// others brought. The first failure, or a rank that does not come in time, ends it for all.
public final class Meeting {
  private final int ranks;
  private final long limit; // nanoseconds
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Object[] brought;
  private List<Object> seen;
  private long round;
  private int here;
  private RankException failure;

  /// Creates a meeting of so many ranks, which wait for each other at most so long.
  public Meeting(int ranks, Duration limit) {
    this.ranks = ranks;
    this.limit = limit.toNanos();
    brought = new Object[ranks];
  }

  /// Returns how many ranks meet.
  public int ranks() {
    return ranks;
  }

  /// Brings something, waits for all ranks and returns what each brought, in the order of ranks.
  /// Throws `RankException` when a rank has failed or does not come in time.
  public <T> List<T> meet(int rank, Class<T> type, T value) {
    lock.lock();
    try {
      requireNoFailure();
      brought[rank] = value;
      here++;
      if (here == ranks) {
        seen = new ArrayList<>(Arrays.asList(brought));
        Arrays.fill(brought, null);
        here = 0;
        round++;
        changed.signalAll();
      } else {
        await(round);
      }
      return seen.stream().map(type::cast).toList();
    } finally {
      lock.unlock();
    }
  }

  private void await(long own) {
    long left = limit;
    while (round == own && failure == null) {
      if (left <= 0) {
        fail(missing(), "did not come to an exchange within %s s".formatted(seconds()), null);
        break;
      }
      try {
        left = changed.awaitNanos(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        fail(missing(), "was awaited by a rank that was interrupted", e);
      }
    }
    if (round == own) {
      requireNoFailure();
    }
  }

  private int missing() {
    for (int rank = 0; rank < ranks; rank++) {
      if (brought[rank] == null) {
        return rank;
      }
    }
    throw new IllegalStateException("all ranks are here");
  }

  private String seconds() {
    return new DecimalFormat("0.#", DecimalFormatSymbols.getInstance(Locale.ROOT))
        .format(limit * 1e-9);
  }

  /// Ends the meeting for all ranks because one has failed; only the first failure counts.
  public void fail(int rank, Throwable cause) {
    String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    lock.lock();
    try {
      if (!(cause instanceof RankException)) {
        fail(rank, "failed: " + message, cause);
      }
    } finally {
      lock.unlock();
    }
  }

  private void fail(int rank, String what, Throwable cause) {
    if (failure == null) {
      failure = new RankException(rank, "rank %d of %d %s".formatted(rank, ranks, what), cause);
      changed.signalAll();
    }
  }

  private void requireNoFailure() {
    if (failure != null) {
      throw new RankException(failure.rank(), failure.getMessage(), failure);
    }
  }
}
