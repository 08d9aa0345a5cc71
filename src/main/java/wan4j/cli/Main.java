package wan4j.cli;

import java.io.PrintWriter;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import wan4j.Version;
import wan4j.cli.bench.BenchCommand;
import wan4j.engine.Job;
import wan4j.tensor.InputException;

/// The command line: `wan4j generate`, `inspect`, `verify` and the others.
@Command(
    name = "wan4j",
    description = "Makes video with the Wan2.2 models, on NVIDIA Hopper GPUs and on any CPU.",
    version = "wan4j " + Version.NUMBER,
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "In a clone of the repository the launcher has two more:",
      "  test      Builds wan4j and runs all its tests.",
      "  bundle    Packs wan4j with its own Java for machines that have none.",
    },
    subcommands = {
      DemoCommand.class,
      GenerateCommand.class,
      PreprocessCommand.class,
      ConvertCommand.class,
      CompareCommand.class,
      DoctorCommand.class,
      InspectCommand.class,
      BenchCommand.class,
      TuneCommand.class,
      VerifyCommand.class,
      CommandLine.HelpCommand.class,
    })
public final class Main implements Runnable {
  /// The exit code for what the user can mend.
  static final int BAD_INPUT = 2;

  /// The exit code for what stopped a command on its way.
  static final int FAILED = 1;

  /// The exit code of a command that was interrupted, as a shell gives it for Ctrl-C.
  static final int INTERRUPTED = 130;

  // what several processes of a launcher would only do several times, over the same files
  private static final Set<String> OF_ONE_PROCESS =
      Set.of("bench", "convert", "demo", "preprocess", "tune");

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /// Runs a command and exits with 0, with 2 when what was given cannot be used, or with 1 when the
  /// command could not be finished.
  public static void main(String[] arguments) {
    StandardError.restore();
    // a library's warning is one line like any other sentence of ours
    System.setProperty("java.util.logging.SimpleFormatter.format", "wan4j: %5$s%n");
    System.setProperty("jdk.system.logger.format", "wan4j: %5$s%n");
    System.exit(run(arguments));
  }

  /// Runs a command and returns its exit code.
  static int run(String... arguments) {
    return run(commands(), arguments);
  }

  /// Runs one of these commands and returns its exit code.
  static int run(CommandLine commands, String... typed) {
    try {
      return finish(commands, typed);
    } finally {
      Interruption.ended();
    }
  }

  private static int finish(CommandLine commands, String... typed) {
    int code;
    TypedArguments arguments = null;
    try {
      arguments = new TypedArguments(commands, typed);
      code = execute(commands, arguments);
    } catch (Throwable failure) { // errors too: each is told in a sentence, or with its trace
      code = fail(commands, arguments, failure);
    }
    commands.getOut().flush();
    if (System.out.checkError() && code == 0) {
      say(
          commands,
          "the results could not be written to standard output; see that its disk has room");
      return FAILED;
    }
    return code;
  }

  private static int execute(CommandLine commands, TypedArguments arguments) {
    commands.setParameterExceptionHandler((exception, _) -> {
      say(commands, arguments.spelled(Mistake.sentence(exception, arguments)));
      return BAD_INPUT;
    });
    commands.setExecutionExceptionHandler(
        (exception, _, _) -> fail(commands, arguments, exception));
    commands.setExecutionStrategy(parsed -> {
      try {
        Values.require(parsed);
        requireOneProcess(parsed);
      } catch (InputException e) {
        return fail(commands, arguments, e);
      }
      return new CommandLine.RunLast().execute(parsed);
    });
    return commands.execute(arguments.words());
  }

  private static void requireOneProcess(CommandLine.ParseResult parsed) {
    String name = parsed.hasSubcommand() ? parsed.subcommand().commandSpec().name() : "";
    if (OF_ONE_PROCESS.contains(name)) {
      Job.requireNone(System.getenv(), name);
    }
  }

  /// Returns the commands.
  static CommandLine commands() {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setAllowOptionsAsOptionParameters(true); // what is a value is known before
    line.setExpandAtFiles(false); // what begins with @ is text like any other
    return line;
  }

  private static int fail(CommandLine commands, TypedArguments arguments, Throwable failure) {
    String sentence = Failure.sentence(failure);
    if (sentence == null) {
      say(commands, "this is a fault of wan4j itself; report it with the lines that follow");
    } else {
      say(commands, arguments == null ? sentence : arguments.spelled(sentence));
    }
    if (sentence == null || Failure.isTraced()) {
      failure.printStackTrace(commands.getErr());
      commands.getErr().flush();
    }
    return Failure.code(failure);
  }

  private static void say(CommandLine commands, String sentence) {
    PrintWriter error = commands.getErr();
    error.println("wan4j: " + Sentence.of(sentence));
    error.flush();
  }

  /// Without a command there is only help to give.
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
