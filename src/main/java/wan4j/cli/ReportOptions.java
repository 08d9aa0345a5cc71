package wan4j.cli;

import java.io.Console;
import picocli.CommandLine.Option;
import wan4j.engine.Job;
import wan4j.tensor.InputException;

/// How a command tells of its progress.
final class ReportOptions {
  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing but errors.")
  private boolean quiet;

  @Option(names = "--json", description = "Tell events on standard output, one JSON object a line.")
  private boolean json;

  boolean isGiven() {
    return quiet || json;
  }

  /// Returns what tells of the progress, by the first process of a job alone; throws
  /// `InputException` for flags that exclude each other.
  Reporter progress() {
    if (json && quiet) {
      throw new InputException(
          "--json and --quiet were both given; give one of them: --json tells events, --quiet"
              + " nothing");
    }
    if (!Job.isFirst()) {
      return Reporter.QUIET;
    }
    if (json) {
      return new JsonReporter(System.out);
    }
    return quiet ? Reporter.QUIET : new ConsoleReporter(System.err, isTerminal());
  }

  // the built-in console, the default again since JDK 25, is null without a terminal
  @SuppressWarnings("SystemConsoleNull")
  private static boolean isTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }
}
