package wan4j.cli;

import java.io.Console;
import picocli.CommandLine.Option;

/// How a command tells of its progress.
final class ReportOptions {
  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing but errors.")
  private boolean quiet;

  @Option(names = "--json", description = "Tell events on standard output, one JSON object a line.")
  private boolean json;

  Reporter progress() {
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
