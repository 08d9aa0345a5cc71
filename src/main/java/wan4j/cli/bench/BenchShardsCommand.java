package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Ranks;
import wan4j.bench.ShardsBenchmark;

/// `wan4j bench shards`: what it costs that GPUs divide the weights of a transformer.
@Command(
    name = "shards",
    mixinStandardHelpOptions = true,
    description =
        "A forward with all weights on each GPU and with the blocks' weights divided among them"
            + " (--dit_fsdp), in turn.")
final class BenchShardsCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;
  @Mixin private VideoOptions video;
  @Mixin private BlocksOptions blocks;
  @Mixin private SelfAttentionOptions attention;

  @Option(
      names = "--gpus",
      paramLabel = "2..",
      defaultValue = "2",
      description = "GPUs that divide the weights (default: 2).")
  private int gpus;

  @Option(
      names = "--share",
      paramLabel = "1..",
      description = "N, where each computes the part of one of N (default: --gpus).")
  private Integer share;

  @Option(
      names = "--share_gpu",
      description = "All ranks use one GPU, where the first alone computes.")
  private boolean sharesGpu;

  @Override
  public Integer call() {
    Ranks ranks = sharesGpu ? Ranks.of(gpus).sharing() : Ranks.of(gpus);
    return options.run(bench ->
        ShardsBenchmark.run(
            bench,
            video.task(),
            video.size(),
            blocks.count(),
            share == null ? gpus : share,
            attention.attention(),
            ranks));
  }
}
