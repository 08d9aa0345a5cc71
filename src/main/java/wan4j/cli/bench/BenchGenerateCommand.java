package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Ranks;
import wan4j.Ranks.WeightShards;
import wan4j.bench.GenerateBenchmark;
import wan4j.bench.RequestSettings;
import wan4j.cli.CacheOptions;

/// `wan4j bench generate`: a whole request, with or without MagCache.
@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    description = "A whole request, every stage timed.")
final class BenchGenerateCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;
  @Mixin private VideoOptions video;
  @Mixin private BlocksOptions blocks;
  @Mixin private CacheOptions caches;
  @Mixin private SelfAttentionOptions attention;

  @Option(
      names = {"--steps", "--sample_steps"},
      paramLabel = "1..1000",
      defaultValue = "40",
      description = "Steps (default: 40).")
  private int steps;

  @Option(
      names = "--steps_measured",
      paramLabel = "1..1000",
      description = "Run so many steps and extrapolate the rest, which the results then say.")
  private Integer measured;

  @Option(
      names = "--park_text",
      description = "Free the text encoder once the prompts are encoded.")
  private boolean parksText;

  @Option(
      names = "--gpus",
      paramLabel = "1..",
      defaultValue = "1",
      description = "GPUs that make the video together (default: 1).")
  private int gpus;

  @Option(
      names = "--ulysses_size",
      paramLabel = "1..",
      description = "GPUs that share each forward (default: half of them with guidance).")
  private Integer sequence;

  @Option(
      names = "--share_gpu",
      description = "All ranks of --gpus use one GPU, which takes as long as all of them.")
  private boolean sharesGpu;

  @Option(names = "--dit_fsdp", description = "The GPUs divide the transformers' weights.")
  private boolean dividesTransformers;

  @Option(names = "--t5_fsdp", description = "The GPUs divide the text encoder's weights.")
  private boolean dividesText;

  private Ranks ranks() {
    Ranks ranks =
        Ranks.of(gpus)
            .dividing(sequence == null ? 0 : sequence, null)
            .sharding(new WeightShards(dividesTransformers, dividesText));
    return sharesGpu ? ranks.sharing() : ranks;
  }

  @Override
  public Integer call() {
    RequestSettings settings =
        new RequestSettings(
            video.task(),
            video.size(),
            steps,
            measured == null ? steps : measured,
            blocks.count(),
            caches.settings(video.task()),
            parksText,
            attention.attention(),
            ranks());
    return options.runAsFound(
        (bench, found, log) -> GenerateBenchmark.run(bench, settings, found, log));
  }
}
