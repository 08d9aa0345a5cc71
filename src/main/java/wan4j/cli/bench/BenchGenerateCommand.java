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
import wan4j.cli.CompileOptions;
import wan4j.tensor.InputException;

/// `wan4j bench generate`: a whole request, with or without a cache.
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
      names = "--steps_per_expert",
      paramLabel = "1..",
      description =
          "Run the fewest steps in which each expert works so often, and extrapolate the rest.")
  private Integer each;

  @Option(
      names = "--load_seconds",
      paramLabel = "0..",
      defaultValue = "0",
      description = "Keep the GPU busy so long before the request (default: 0).")
  private int loadSeconds;

  @Mixin private CompileOptions compile;

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

  @Option(
      names = "--overlap_exchange",
      description = "GPUs that share a forward exchange some heads beside attention of others.")
  private boolean overlaps;

  private Ranks ranks() {
    Ranks ranks =
        Ranks.of(gpus)
            .dividing(sequence == null ? 0 : sequence, null)
            .overlapping(overlaps)
            .sharding(new WeightShards(dividesTransformers, dividesText));
    return sharesGpu ? ranks.sharing() : ranks;
  }

  @Override
  public Integer call() {
    if (each != null && measured != null) {
      throw new InputException(
          "--steps_per_expert and --steps_measured were both given, which exclude each other; leave"
              + " one out");
    }
    RequestSettings settings =
        new RequestSettings(
            video.task(),
            video.size(),
            steps,
            stepsMeasured(),
            blocks.count(),
            caches.settings(video.task()),
            parksText,
            attention.attention(),
            ranks(),
            compile.recording(options.device()),
            loadSeconds);
    return options.runAsFound(
        (bench, found, log) -> GenerateBenchmark.run(bench, settings, found, log));
  }

  private int stepsMeasured() {
    if (each != null) {
      return RequestSettings.measured(video.task(), steps, each);
    }
    return measured == null ? steps : measured;
  }
}
