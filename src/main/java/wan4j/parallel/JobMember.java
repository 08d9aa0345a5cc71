package wan4j.parallel;

import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import wan4j.tensor.InputException;

/// A process at work as one rank of a job. When another rank fails, this one's work ends at its
/// next meeting; where it does not come to one soon, because it computes or waits for a device, the
/// process is ended, so that none outlives the job.
public final class JobMember {
  private static final long GRACE = 1_500; // milliseconds, which with a silence make less than 5 s
  private static final int FAILED = 1; // exit code

  private final ProcessMeeting meeting;
  private final Telling telling;
  private volatile RankException failure; // the job's first
  private volatile boolean isOver;

  private JobMember(ProcessMeeting meeting, Telling telling) {
    this.meeting = meeting;
    this.telling = telling;
    meeting.onFailure(this::begin);
  }

  /// How a member tells of failures.
  ///
  /// @param sentence makes the sentence of a failure here for all ranks, or null
  /// @param last is given the sentence with which the process is ended where its work does not end
  ///   by itself
  public record Telling(Function<Throwable, String> sentence, Consumer<String> last) {}

  /// Joins the job of an environment, does this rank's work and waits for that of all others.
  /// Throws what the work throws, or what another rank's failure is the cause of: an
  /// `InputException` where that is the user's affair, else a `RankException`.
  public static <T> T work(
      JobEnvironment environment,
      JobIdentity identity,
      Rendezvous.Times times,
      Telling telling,
      Function<JobMember, T> work) {
    try (ProcessMeeting meeting = Rendezvous.join(environment, identity, times)) {
      JobMember member = new JobMember(meeting, telling);
      try {
        return member.part(() -> {
          T made = work.apply(member);
          meeting.finish();
          return made;
        });
      } catch (RuntimeException e) {
        if (has(e, CancellationException.class)) {
          member.leave(e);
        }
        throw e;
      } finally {
        member.isOver = true;
      }
    }
  }

  /// Returns where the ranks meet.
  public ProcessMeeting meeting() {
    return meeting;
  }

  /// Does a part of the work, whose failure ends the job at once. A cancellation does not, since it
  /// is that of all ranks.
  public <T> T part(Supplier<T> work) {
    try {
      return work.get();
    } catch (RuntimeException | Error e) {
      if (has(e, CancellationException.class)) {
        throw e;
      }
      if (!has(e, RankException.class)) {
        meeting.fail(failed(e));
      }
      RankException first = failure;
      if (first == null || first.rank() == meeting.rank() || has(e, InputException.class)) {
        throw e;
      }
      if (!has(e, RankException.class)) {
        // what went wrong here is what the other's failure led to
        first = first.again();
        first.addSuppressed(e);
        throw first.isInput() ? new InputException(first.getMessage(), first) : first;
      }
      if (e instanceof RankException && first.isInput()) {
        throw new InputException(first.getMessage(), e);
      }
      throw e;
    }
  }

  private RankException failed(Throwable e) {
    String sentence = telling.sentence.apply(e);
    return new RankException(
        meeting.rank(),
        has(e, InputException.class),
        "rank %d of %d failed: %s"
            .formatted(meeting.rank(), meeting.ranks(), sentence == null ? e : sentence),
        e);
  }

  private static boolean has(Throwable failure, Class<? extends Throwable> type) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (type.isInstance(cause)) {
        return true;
      }
    }
    return false;
  }

  /// Leaves when all do, since all are cancelled.
  private void leave(RuntimeException cancellation) {
    try {
      meeting.finish();
    } catch (RankException e) {
      cancellation.addSuppressed(e);
    }
  }

  private void begin(RankException first) {
    failure = first;
    Thread.ofPlatform().daemon().name("end of a failed job").start(() -> end(first));
  }

  private void end(RankException first) {
    try {
      Thread.sleep(GRACE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!isOver) {
      telling.last.accept(first.getMessage());
      Runtime.getRuntime().halt(FAILED);
    }
  }
}
