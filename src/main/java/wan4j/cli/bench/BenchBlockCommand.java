package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.AttentionSettings.Attention;
import wan4j.bench.BlockBenchmark;
import wan4j.cli.ResidualOptions;
import wan4j.tensor.InputException;

/// `wan4j bench block`: a transformer's block on a video's tokens, or on a number of them.
@Command(
    name = "block",
    mixinStandardHelpOptions = true,
    description = "One transformer block, as one of N GPUs does it.")
final class BenchBlockCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;
  @Mixin private VideoOptions video;
  @Mixin private ResidualOptions residual;
  @Mixin private ShareOptions share;
  @Mixin private SelfAttentionOptions attention;

  @Option(
      names = "--tokens",
      paramLabel = "1..",
      description = "Tokens, in place of a video's size.")
  private Integer tokens;

  @Option(
      names = "--layers",
      paramLabel = "1..",
      description = "Blocks, with --tokens (default: 1).")
  private Integer layers;

  @Override
  public Integer call() {
    Attention chosen = attention.attention();
    if (tokens == null) {
      if (layers != null) {
        throw new InputException("--layers was given without --tokens; add it, or use forward");
      }
      return options.run(
          residual,
          bench ->
              BlockBenchmark.ofVideo(bench, video.task(), video.size(), share.count(), chosen));
    }
    if (video.isGiven()) {
      throw new InputException("--tokens and a video's size were both given; give one of them");
    }
    int blocks = layers == null ? 1 : layers;
    return options.run(
        residual,
        bench ->
            BlockBenchmark.ofTokens(bench, video.task(), tokens, share.count(), blocks, chosen));
  }
}
