package wan4j.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/// `wan4j preprocess`: what tasks need that is made of videos before.
@Command(
    name = "preprocess",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    description = "Makes of videos and pictures what a task takes.",
    subcommands = PreprocessAnimateCommand.class)
final class PreprocessCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /// Without a task there is only help to give.
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
