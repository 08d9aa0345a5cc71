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
    return progress(null);
  }

  /// Returns the same for one of several devices at work, which its lines name, or null.
  Reporter progress(String device) {
    if (json && quiet) {
      throw new InputException(
          "--json and --quiet were both given; give one of them: --json tells events, --quiet"
              + " nothing");
    }
    if (!Job.isFirst()) {
      return Reporter.QUIET;
    }
    if (json) {
      return new JsonReporter(System.out, device);
    }
    if (quiet) {
      return Reporter.QUIET;
    }
    return device == null
        ? new ConsoleReporter(System.err, isTerminal())
        : new ConsoleReporter(NamedLines.on(System.err, device), false);
  }

  // the built-in console, the default again since JDK 25, is null without a terminal
  @SuppressWarnings("SystemConsoleNull")
  private static boolean isTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }
}
