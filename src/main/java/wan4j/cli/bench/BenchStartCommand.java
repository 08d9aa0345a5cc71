package wan4j.cli.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.bench.StartBenchmark;
import wan4j.bench.StartCommandBenchmark;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.Report;
import wan4j.tensor.InputException;

/// `wan4j bench start`: kernels compiled and kept, or whole commands with a checkpoint.
@Command(
    name = "start",
    mixinStandardHelpOptions = true,
    description =
        "A first start, which compiles the kernels that it needs, and the next one, which must not."
            + " With --ckpt_dir: whole commands, from their start to their first step.")
final class BenchStartCommand implements Callable<Integer> {
  private static final String SIDES = "832*480";
  private static final int FRAMES = 17;
  private static final List<String> COMMAND_FLAGS =
      List.of(
          "--task",
          "--size",
          "--frames",
          "--folder",
          "--device",
          "--precision",
          "--tf32",
          "--fp8_recipe",
          "--warm_up",
          "--runs");

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Mixin private BenchOptions options;
  @Mixin private VideoOptions video;
  @Mixin private FolderOptions folder;

  @Option(
      names = {"--ckpt_dir", "--checkpoint"},
      description =
          "The folder of a checkpoint: whole commands are timed, of a video of "
              + SIDES
              + " and "
              + FRAMES
              + " frames where no other size is given.")
  private Path checkpoint;

  @Override
  public Integer call() {
    if (checkpoint == null) {
      refuse("without --ckpt_dir, whose commands it is for", COMMAND_FLAGS);
      return kernels();
    }
    refuse("with --ckpt_dir, whose task is its own", List.of("--task"));
    OwnCommands commands = OwnCommands.ofThisProcess();
    return options.runProcesses(settings ->
        StartCommandBenchmark.run(
            settings,
            checkpoint,
            video.sizeOr(SIDES, FRAMES),
            folder.path(),
            commands::generate,
            System.err::println));
  }

  private int kernels() {
    options.measurements().check(); // no more: the first start loads what a look at the device does
    List<Measurement> results = StartBenchmark.run();
    Report.lines(results).forEach(System.out::println);
    options.measurements().file(Device.CUDA).accept(results);
    return StartBenchmark.compilesAgain(results) ? 1 : 0;
  }

  private void refuse(String why, List<String> flags) {
    for (String flag : flags) {
      if (spec.commandLine().getParseResult().hasMatchedOption(flag)) {
        throw new InputException("%s was given %s; leave it out".formatted(flag, why));
      }
    }
  }
}
