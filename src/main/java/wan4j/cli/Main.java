package wan4j.cli;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import wan4j.Version;
import wan4j.cli.bench.BenchCommand;
import wan4j.tensor.InputException;

/// The command line: `wan4j generate`, `inspect`, `verify` and the others.
@Command(
    name = "wan4j",
    description = "Makes video with the Wan2.2 models, on NVIDIA Hopper GPUs and on any CPU.",
    version = "wan4j " + Version.NUMBER,
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    subcommands = {
      DemoCommand.class,
      GenerateCommand.class,
      ConvertCommand.class,
      CompareCommand.class,
      DoctorCommand.class,
      InspectCommand.class,
      BenchCommand.class,
      TuneCommand.class,
      VerifyCommand.class,
    })
public final class Main implements Runnable {
  /// The exit code for what the user can mend.
  static final int BAD_INPUT = 2;

  /// The exit code for what stopped a command on its way.
  static final int FAILED = 1;

  private static final Pattern LONG_FLAG =
      Pattern.compile("--[A-Za-z][\\w-]*(=.*)?", Pattern.DOTALL);

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /// Runs a command and exits with 0, with 2 when what was given cannot be used, or with 1 when the
  /// command could not be finished.
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  /// Runs a command and returns its exit code.
  static int run(String... arguments) {
    return run(commands(), arguments);
  }

  /// Runs one of these commands and returns its exit code.
  static int run(CommandLine commands, String... arguments) {
    return commands.execute(
        Arrays.stream(arguments).map(Main::withUnderscores).toArray(String[]::new));
  }

  /// Returns the commands, which tell of failures in one sentence.
  static CommandLine commands() {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler((exception, _) -> {
      report(exception.getCommandLine(), Mistake.sentence(exception));
      return BAD_INPUT;
    });
    line.setExecutionExceptionHandler((exception, command, _) -> {
      String sentence = Failure.sentence(exception);
      if (sentence == null) {
        throw exception;
      }
      report(command, sentence);
      if (Failure.isTraced()) {
        exception.printStackTrace(command.getErr());
      }
      return exception instanceof InputException ? BAD_INPUT : FAILED;
    });
    return line;
  }

  /// Dashes within the name of a flag work as well as underscores.
  private static String withUnderscores(String argument) {
    if (!LONG_FLAG.matcher(argument).matches()) {
      return argument;
    }
    int end = argument.indexOf('=');
    String name = end < 0 ? argument : argument.substring(0, end);
    String rest = end < 0 ? "" : argument.substring(end);
    return "--" + name.substring(2).replace('-', '_') + rest;
  }

  private static void report(CommandLine command, String sentence) {
    PrintWriter error = command.getErr();
    error.println("wan4j: " + sentence);
    error.flush();
  }

  /// Without a command there is only help to give.
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
