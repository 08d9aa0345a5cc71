package wan4j.cli;

import java.time.Duration;
import java.util.function.Supplier;
import picocli.CommandLine;
import wan4j.engine.Job;
import wan4j.files.PendingFile;

/// A command that a launcher has started once for each rank: the processes find each other before
/// they do anything else, so that what goes wrong in one ends all.
final class Launched {
  private Launched() {}

  /// Does a command's work, together with the other processes where a launcher has started several.
  static <T> T work(CommandLine command, Duration limit, Supplier<T> work) {
    return Job.work(
        System.getenv(),
        new Job.Command(
            command.getParseResult().originalArgs(), limit, Failure::sentence, Launched::sayLast),
        work);
  }

  /// Tells why the process ends in the middle of its work, and leaves no unfinished file.
  private static void sayLast(String sentence) {
    System.err.println("wan4j: " + Sentence.of(sentence));
    PendingFile.abandonAll();
  }
}
