package wan4j.engine;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import wan4j.Version;
import wan4j.parallel.JobEnvironment;
import wan4j.parallel.JobIdentity;
import wan4j.parallel.JobMember;
import wan4j.parallel.ProcessExchange;
import wan4j.parallel.Rendezvous;
import wan4j.tensor.InputException;

/// The job of processes that a launcher (torchrun, Slurm, MPI, Kubernetes) has started, each of
/// which is one rank with a device of its own and runs the same command. While a command works as
/// part of one, every engine that it opens makes its videos together with those of the others.
public final class Job {
  private static final ScopedValue<Job> PRESENT = ScopedValue.newInstance();
  private static final int MOST_LETTERS = 10_000; // of a command line

  private final JobEnvironment environment;
  private final JobMember member;
  private final ProcessExchange host;

  private Job(JobEnvironment environment, JobMember member, Duration limit) {
    this.environment = environment;
    this.member = member;
    host = new ProcessExchange(member.meeting(), limit);
  }

  /// Says whether variables name a job of more than one process; throws `InputException` for those
  /// that contradict each other.
  public static boolean isNamedBy(Map<String, String> variables) {
    JobEnvironment environment = JobEnvironment.of(variables);
    return environment != null && environment.ranks() > 1;
  }

  /// The command that all processes run.
  ///
  /// @param words its command line, which must be the same for all
  /// @param limit how long a rank is waited for at an exchange
  /// @param sentence makes the sentence of a failure here, which all are told, or null
  /// @param last is given the sentence with which this process is ended where another one fails and
  ///   its own work does not end by itself
  public record Command(
      List<String> words,
      Duration limit,
      Function<Throwable, String> sentence,
      Consumer<String> last) {}

  /// Does a command's work as one rank of the job that variables name, with all others; without a
  /// job, or as its only process, just does it. Throws what the work throws, or what another rank's
  /// failure is the cause of: an `InputException` or a `RankException`.
  public static <T> T work(Map<String, String> variables, Command command, Supplier<T> work) {
    if (!isNamedBy(variables)) {
      return work.get();
    }
    JobEnvironment environment = JobEnvironment.of(variables);
    return JobMember.work(
        environment,
        new JobIdentity(Version.NUMBER, lines(command.words)),
        Rendezvous.Times.of(command.limit),
        new JobMember.Telling(command.sentence, command.last),
        member ->
            ScopedValue.where(PRESENT, new Job(environment, member, command.limit))
                .call(work::get));
  }

  /// Returns a command line's words, one a line, and what tells long ones apart.
  private static String lines(List<String> commandLine) {
    String words =
        String.join("\n", commandLine.stream().map(word -> word.replace('\n', ' ')).toList());
    return words.length() <= MOST_LETTERS
        ? words
        : words.substring(0, MOST_LETTERS) + "\n#" + Integer.toHexString(commandLine.hashCode());
  }

  /// Returns the job that the calling thread works for, or null.
  public static Job present() {
    return PRESENT.isBound() ? PRESENT.get() : null;
  }

  /// Says whether the calling thread's process writes and tells for all: the first of a job, or one
  /// without.
  public static boolean isFirst() {
    Job job = present();
    return job == null || job.rank() == 0;
  }

  /// Throws `InputException` where the launcher has started several processes, for a command that
  /// one process does alone.
  public static void requireNone(Map<String, String> variables, String command) {
    if (isNamedBy(variables)) {
      JobEnvironment environment = JobEnvironment.of(variables);
      throw new InputException(
          "RANK and WORLD_SIZE say that this process is %d of %d, but %s is the work of one; start it once, without a launcher, or unset RANK and WORLD_SIZE"
              .formatted(environment.rank(), environment.ranks(), command));
    }
  }

  /// Throws the same `InputException` on all processes where one was given another request than the
  /// first; returns true where none was. Descriptions are by the names of flags.
  boolean requireSame(Map<String, String> description) {
    StringBuilder own = new StringBuilder();
    description.forEach(
        (flag, value) -> own.append(flag).append('\n').append(quoted(value)).append('\n'));
    List<String> all = member.meeting().meet(rank(), String.class, own.toString());
    List<String> first = all.getFirst().lines().toList();
    for (int rank = 1; rank < all.size(); rank++) {
      List<String> other = all.get(rank).lines().toList();
      for (int i = 1; i < Math.max(first.size(), other.size()); i += 2) {
        String wanted = i < first.size() ? first.get(i) : "";
        String found = i < other.size() ? other.get(i) : "";
        if (!wanted.equals(found)) {
          throw other(rank, first.get(Math.min(i, first.size() - 1) - 1), found, wanted);
        }
      }
    }
    return true;
  }

  private static String quoted(String value) {
    return value.replace("\n", "\\n").replace("\r", "\\r");
  }

  private InputException other(int rank, String flag, String found, String wanted) {
    return new InputException(
        flag.equals(SavedLatents.CHECKPOINT)
            ? "rank %d of %d has another checkpoint (fingerprint %s) than rank 0 (%s); give all ranks the same weights"
                .formatted(rank, ranks(), found, wanted)
            : "rank %d of %d has \"%s\" for %s where rank 0 has \"%s\"; give all ranks the same request and files"
                .formatted(rank, ranks(), found, flag, wanted));
  }

  /// Returns this process's number, from 0.
  public int rank() {
    return environment.rank();
  }

  /// Returns how many processes there are.
  public int ranks() {
    return environment.ranks();
  }

  /// Returns the process's number among those of its host, which is that of its GPU.
  int localRank() {
    return environment.localRank();
  }

  /// Returns how many processes share a GPU at most: those of this host, as far as that is known.
  int localRanks() {
    return environment.localRanks() == 0 ? ranks() : environment.localRanks();
  }

  /// Returns this process at work.
  JobMember member() {
    return member;
  }

  /// Returns what the processes tell each other.
  ProcessExchange host() {
    return host;
  }
}
