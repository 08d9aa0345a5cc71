package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
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
            attention.attention());
    return options.runAsFound(
        (bench, found, log) -> GenerateBenchmark.run(bench, settings, found, log));
  }
}
