package wan4j.parallel;

import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// Where the threads of one process meet, one a rank, with whatever they bring.
public final class LocalMeeting implements Meeting {
  private static final int LOADING_PATIENCE = 10;

  private final Job job;
  private final List<Integer> members; // the ranks of the job that meet
  private final int patience; // times the job's limit for which a rank is awaited
  private final Object[] brought;
  private List<Object> seen;
  private long round;
  private int here;

  /// Creates a meeting of so many ranks, which wait for each other at most so long.
  public LocalMeeting(int ranks, Duration limit) {
    this(new Job(ranks, limit), IntStream.range(0, ranks).boxed().toList());
  }

  private LocalMeeting(Job job, List<Integer> members) {
    this(job, members, 1);
  }

  private LocalMeeting(Job job, List<Integer> members, int patience) {
    this.job = job;
    this.members = members;
    this.patience = patience;
    brought = new Object[members.size()];
  }

  /// What all meetings of a job share.
  private static final class Job {
    private final int ranks;
    private final long limit; // nanoseconds
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Map<List<Integer>, LocalMeeting> meetings = new HashMap<>(); // of some ranks
    private final Map<List<Integer>, LocalMeeting> loadings = new HashMap<>();
    private final List<Consumer<RankException>> listeners = new ArrayList<>();
    private volatile RankException failure;

    Job(int ranks, Duration limit) {
      this.ranks = ranks;
      this.limit = limit.toNanos();
    }

    /// Keeps the first failure and tells it.
    void fail(RankException first) {
      List<Consumer<RankException>> told;
      lock.lock();
      try {
        if (failure != null) {
          return;
        }
        failure = first;
        changed.signalAll();
        told = List.copyOf(listeners);
        listeners.clear();
      } finally {
        lock.unlock();
      }
      told.forEach(listener -> listener.accept(first));
    }

    void listen(Consumer<RankException> listener) {
      RankException known;
      lock.lock();
      try {
        known = failure;
        if (known == null) {
          listeners.add(listener);
        }
      } finally {
        lock.unlock();
      }
      if (known != null) {
        listener.accept(known);
      }
    }

    String seconds(int times) {
      return new DecimalFormat("0.#", DecimalFormatSymbols.getInstance(Locale.ROOT))
          .format(limit * 1e-9 * times);
    }
  }

  @Override
  public int ranks() {
    return members.size();
  }

  @Override
  public <T> List<T> meet(int rank, Class<T> type, T value) {
    RankException late;
    job.lock.lock();
    try {
      requireNoFailure();
      brought[rank] = value;
      here++;
      if (here == members.size()) {
        seen = new ArrayList<>(Arrays.asList(brought));
        Arrays.fill(brought, null);
        here = 0;
        round++;
        job.changed.signalAll();
        return cast(type);
      }
      late = await(round);
      if (late == null) {
        return cast(type);
      }
    } finally {
      job.lock.unlock();
    }
    job.fail(late);
    throw job.failure.again();
  }

  private <T> List<T> cast(Class<T> type) {
    return seen.stream().map(type::cast).toList();
  }

  /// Waits for the others' part of a round; returns whose absence is to end the job, or null.
  private RankException await(long own) {
    long left = job.limit * patience;
    while (round == own && job.failure == null) {
      if (left <= 0) {
        return exception(
            missing(),
            "did not come to an exchange within %s s".formatted(job.seconds(patience)),
            null);
      }
      try {
        left = job.changed.awaitNanos(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return exception(missing(), "was awaited by a rank that was interrupted", e);
      }
    }
    if (round == own) {
      requireNoFailure();
    }
    return null;
  }

  private int missing() {
    for (int rank = 0; rank < brought.length; rank++) {
      if (brought[rank] == null) {
        return rank;
      }
    }
    throw new IllegalStateException("all ranks are here");
  }

  @Override
  public Meeting among(List<Integer> some) {
    List<Integer> ranks = some.stream().map(members::get).toList();
    if (ranks.equals(members)) {
      return this;
    }
    job.lock.lock();
    try {
      return job.meetings.computeIfAbsent(ranks, key -> new LocalMeeting(job, key));
    } finally {
      job.lock.unlock();
    }
  }

  /// Returns a meeting of the same ranks for what they load together: files may come slower to one
  /// than to another, so a rank is awaited ten times as long.
  public LocalMeeting loading() {
    job.lock.lock();
    try {
      return job.loadings.computeIfAbsent(
          members, key -> new LocalMeeting(job, key, LOADING_PATIENCE));
    } finally {
      job.lock.unlock();
    }
  }

  @Override
  public void fail(int rank, Throwable cause) {
    if (!(cause instanceof RankException)) {
      fail(rank, RankException.failed(cause), cause);
    }
  }

  /// Ends the job because of what a rank did.
  void fail(int rank, String what, Throwable cause) {
    job.fail(exception(rank, what, cause));
  }

  private RankException exception(int rank, String what, Throwable cause) {
    return RankException.of(members.get(rank), job.ranks, what, cause);
  }

  /// Ends the job with a failure that is told already.
  void fail(RankException first) {
    job.fail(first);
  }

  /// Returns the first failure, or null.
  RankException failure() {
    return job.failure;
  }

  @Override
  public void onFailure(Consumer<RankException> listener) {
    job.listen(listener);
  }

  private void requireNoFailure() {
    if (job.failure != null) {
      throw job.failure.again();
    }
  }
}
