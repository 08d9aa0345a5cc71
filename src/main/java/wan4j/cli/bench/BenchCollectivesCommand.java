package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.bench.CollectivesBenchmark;
import wan4j.bench.CollectivesBenchmark.Settings;
import wan4j.tensor.InputException;

/// `wan4j bench collectives`: what GPUs exchange, each exchange alone.
@Command(
    name = "collectives",
    mixinStandardHelpOptions = true,
    description =
        "What GPUs exchange with each other, in the sizes of a 14B transformer at 720P, each"
            + " exchange alone.")
final class BenchCollectivesCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;

  @Option(
      names = "--gpus",
      paramLabel = "1..",
      defaultValue = "2",
      description = "How many (default: 2).")
  private int gpus;

  @Option(
      names = "--share_gpu",
      description = "All ranks use one GPU and exchange by copies on it, which shows no network.")
  private boolean sharesGpu;

  @Option(names = "--scale", defaultValue = "1", description = "Multiplies the sizes (default: 1).")
  private double scale;

  @Override
  public Integer call() {
    if (!(scale > 0)) {
      throw new InputException("--scale got %s; give more than 0".formatted(scale));
    }
    Settings settings = Settings.usual(gpus, sharesGpu).scaled(scale);
    return options.runProcesses(bench -> CollectivesBenchmark.run(bench, settings));
  }
}
