package wan4j.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntFunction;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankException;
import wan4j.tensor.InputException;

/// Runs the ranks of one piece of work: the first on the calling thread, the others on threads that
/// end with it. The first failure ends all; a rank that does not heed it is interrupted.
public final class RankThreads {
  private static final Duration GRACE = Duration.ofSeconds(3);

  private final Meeting meeting;
  private final Thread[] threads;
  private final AtomicReferenceArray<Throwable> failures;
  private final AtomicReferenceArray<Boolean> ended;
  private final AtomicReference<RankException> first = new AtomicReference<>();
  private volatile boolean wasInterrupted;

  /// Prepares threads for ranks that meet; the meeting's failure is to be told to [#failed].
  RankThreads(Meeting meeting) {
    this.meeting = meeting;
    threads = new Thread[meeting.ranks()];
    failures = new AtomicReferenceArray<>(threads.length);
    ended = new AtomicReferenceArray<>(threads.length);
  }

  /// What became of the threads of a failed piece of work.
  ///
  /// @param failure what ended it
  /// @param areWhole whether all ended by themselves, so that their ranks can be used again
  record Outcome(Throwable failure, boolean areWhole) {
    /// Throws the failure.
    void rethrow() {
      switch (failure) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException(failure);
      }
    }
  }

  /// Has every rank that meets do a piece of work at the same time, for which the meeting was made,
  /// and returns what the first one's gives; throws the first failure as [RankTeam] does.
  public static <T> T together(Meeting meeting, IntFunction<T> work) {
    RankThreads threads = new RankThreads(meeting);
    meeting.onFailure(threads::failed);
    AtomicReference<Outcome> outcome = new AtomicReference<>();
    T made = threads.run(work, outcome);
    if (outcome.get() != null) {
      outcome.get().rethrow();
    }
    return made;
  }

  /// Takes the first failure of the meeting, on any thread.
  void failed(RankException failure) {
    first.set(failure);
    Thread.ofPlatform().daemon().name("rank watch").start(this::interruptLate);
  }

  /// Returns what the first rank's work gives, or puts into `outcome` why there is nothing.
  <T> T run(IntFunction<T> work, AtomicReference<Outcome> outcome) {
    threads[0] = Thread.currentThread();
    List<Thread> others = new ArrayList<>();
    for (int rank = 1; rank < threads.length; rank++) {
      int number = rank;
      threads[rank] =
          Thread.ofPlatform()
              .daemon()
              .name("rank " + rank)
              .unstarted(() -> {
                var _ = done(number, work);
              });
      others.add(threads[rank]);
    }
    others.forEach(Thread::start);
    T made = done(0, work);
    boolean areThere = others.stream().allMatch(this::join);
    RankException failure = first.get();
    if (failure == null) {
      return made;
    }
    if (wasInterrupted) {
      var _ = Thread.interrupted(); // which was for the work
    }
    outcome.set(new Outcome(told(failure), areThere && !wasInterrupted));
    return null;
  }

  /// Does a rank's work, and waits until all have done theirs.
  private <T> T done(int rank, IntFunction<T> work) {
    try {
      T made = work.apply(rank);
      var _ = meeting.meet(rank, Boolean.class, true);
      return made;
    } catch (Throwable e) {
      failures.set(rank, e);
      meeting.fail(rank, e);
      return null;
    } finally {
      ended.set(rank, true);
    }
  }

  /// Waits for a thread, after a failure only so long; says whether it has ended.
  private boolean join(Thread thread) {
    boolean isInterrupted = false;
    long left = 2 * GRACE.toMillis();
    while (thread.isAlive() && left > 0) {
      try {
        thread.join(100);
      } catch (InterruptedException e) {
        isInterrupted = true;
      }
      left -= first.get() == null ? 0 : 100;
    }
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
    return !thread.isAlive();
  }

  /// Interrupts the ranks that a failure has not ended, since nothing else can.
  private void interruptLate() {
    try {
      long end = System.nanoTime() + GRACE.toNanos();
      while (System.nanoTime() < end) {
        if (isOver()) {
          return;
        }
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      return; // nobody does
    }
    for (int rank = 0; rank < threads.length; rank++) {
      if (ended.get(rank) == null) {
        wasInterrupted = true;
        threads[rank].interrupt();
      }
    }
  }

  private boolean isOver() {
    for (int rank = 0; rank < threads.length; rank++) {
      if (ended.get(rank) == null) {
        return false;
      }
    }
    return true;
  }

  /// Returns the first rank's own failure as it is, and what is the user's affair or a request to
  /// stop too where it came second; another's with its rank.
  private Throwable told(RankException failure) {
    Throwable own = failures.get(0);
    boolean isTold =
        Objects.equals(own, failure.getCause())
            || own instanceof InputException
            || own instanceof CancellationException;
    if (own != null && !(own instanceof RankException) && isTold) {
      return own;
    }
    return failure.getCause() instanceof InputException
        ? new InputException(failure.getMessage(), failure)
        : failure;
  }
}
