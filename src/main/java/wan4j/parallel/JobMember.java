package wan4j.parallel;

import java.util.function.Consumer;
import java.util.function.Function;

/// A process at work as one rank of a job. When another rank fails, this one's work ends at its
/// next meeting; where it does not come to one soon, because it computes or waits for a device, the
/// process is ended, so that none outlives the job.
public final class JobMember {
  private static final long GRACE = 1_500; // milliseconds, which with a silence make less than 5 s
  private static final int FAILED = 1; // exit code

  private JobMember() {}

  /// Joins the job of an environment, does this rank's work and waits for that of all others;
  /// `told` is given the sentence with which the process is ended where its work does not end by
  /// itself. Throws what the work throws, or the `RankException` of the rank whose failure is the
  /// cause.
  public static <T> T work(
      JobEnvironment environment,
      JobIdentity identity,
      Rendezvous.Times times,
      Consumer<String> told,
      Function<ProcessMeeting, T> work) {
    try (ProcessMeeting meeting = Rendezvous.join(environment, identity, times)) {
      Ending ending = new Ending(told);
      meeting.onFailure(ending::begin);
      try {
        T made = work.apply(meeting);
        meeting.finish();
        return made;
      } catch (RuntimeException | Error e) {
        meeting.fail(meeting.rank(), e);
        RankException first = ending.failure;
        if (first != null && first.rank() != meeting.rank() && !(e instanceof RankException)) {
          // what went wrong here is what the other's failure led to
          first = first.again();
          first.addSuppressed(e);
          throw first;
        }
        throw e;
      } finally {
        ending.isOver = true;
      }
    }
  }

  /// The end of a process whose work goes on after the job has failed.
  private static final class Ending {
    private final Consumer<String> told;
    private volatile RankException failure;
    private volatile boolean isOver;

    Ending(Consumer<String> told) {
      this.told = told;
    }

    void begin(RankException first) {
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
        told.accept(first.getMessage());
        Runtime.getRuntime().halt(FAILED);
      }
    }
  }
}
