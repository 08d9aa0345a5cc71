package wan4j.cli.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.bench.LoraBenchmark;
import wan4j.bench.LoraCommandBenchmark;
import wan4j.tensor.InputException;

/// `wan4j bench lora`: LoRA files beside random weights, or whole commands with a checkpoint.
@Command(
    name = "lora",
    mixinStandardHelpOptions = true,
    description =
        "LoRA files beside the weights of all experts: changing them, and their cost. With"
            + " --ckpt_dir: whole commands from start to exit, without LoRA, merged and beside.")
final class BenchLoraCommand implements Callable<Integer> {
  private static final String SIDES = "832*480";
  private static final int FRAMES = 17;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Mixin private BenchOptions options;
  @Mixin private VideoOptions video;
  @Mixin private ShareOptions share;
  @Mixin private BlocksOptions blocks;
  @Mixin private FolderOptions folder;

  @Option(
      names = "--rank",
      paramLabel = "1..",
      defaultValue = "64",
      description = "The files' rank (default: 64).")
  private int rank;

  @Option(
      names = {"--ckpt_dir", "--checkpoint"},
      description =
          "The folder of a checkpoint: whole commands are timed, of a video of "
              + SIDES
              + " and "
              + FRAMES
              + " frames where no other size is given.")
  private Path checkpoint;

  @Option(
      names = "--lora",
      description = "With --ckpt_dir, a LoRA file (default: one of random numbers of --rank).")
  private Path lora;

  @Option(
      names = {"--steps", "--sample_steps"},
      paramLabel = "1..1000",
      defaultValue = "2",
      description = "With --ckpt_dir, steps of the video (default: 2, one of each expert).")
  private int steps;

  @Override
  public Integer call() {
    if (checkpoint == null) {
      refuse("without --ckpt_dir, whose commands it is for", "--lora", "--steps");
      return options.run(bench ->
          LoraBenchmark.run(
              bench,
              video.task(),
              video.size(),
              share.count(),
              blocks.count(),
              rank,
              folder.path()));
    }
    refuse("with --ckpt_dir, whose networks are whole", "--task", "--share", "--layers");
    if (lora != null) {
      refuse("with --lora, whose rank is its own", "--rank");
    }
    LoraCommandBenchmark.Request request =
        new LoraCommandBenchmark.Request(
            checkpoint, video.sizeOr(SIDES, FRAMES), steps, lora, rank);
    OwnCommands commands = OwnCommands.ofThisProcess();
    return options.runProcesses(settings ->
        LoraCommandBenchmark.run(
            settings, request, folder.path(), commands::generate, System.err::println));
  }

  private void refuse(String why, String... flags) {
    for (String flag : List.of(flags)) {
      if (spec.commandLine().getParseResult().hasMatchedOption(flag)) {
        throw new InputException("%s was given %s; leave it out".formatted(flag, why));
      }
    }
  }
}
