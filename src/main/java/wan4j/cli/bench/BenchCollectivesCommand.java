package wan4j.cli.bench;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.CollectivesBenchmark;
import wan4j.bench.CollectivesBenchmark.Settings;
import wan4j.bench.ExchangedAttention;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

/// `wan4j bench collectives`: what GPUs exchange, each exchange alone.
@Command(
    name = "collectives",
    mixinStandardHelpOptions = true,
    description =
        "What GPUs exchange with each other, in the sizes of a 14B transformer at 720P, each"
            + " exchange alone, and self-attention with its exchanges.")
final class BenchCollectivesCommand implements Callable<Integer> {
  private static final int TOKENS = 75_600; // 81 frames at 720P

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
    Ranks division = sharesGpu ? Ranks.of(gpus).sharing() : Ranks.of(gpus);
    int tokens = Math.clamp(Math.round(TOKENS * scale), 1, TOKENS);
    return options.runProcesses(bench ->
        Stream.of(
                CollectivesBenchmark.run(bench, settings),
                bench.device() == Device.CPU
                    ? List.<Measurement>of() // where it would take hours
                    : ExchangedAttention.run(bench, division, tokens))
            .flatMap(List::stream)
            .toList());
  }
}
