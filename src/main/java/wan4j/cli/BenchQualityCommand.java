package wan4j.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.bench.QualityBenchmark;

/// `wan4j bench quality`: videos of the demo's model with accelerations beside those without.
@Command(
    name = "quality",
    mixinStandardHelpOptions = true,
    description =
        "How near the videos of FP8 recipes and MagCache are to those without, on the demo's"
            + " text-to-video model.")
final class BenchQualityCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;

  @Option(
      names = "--ckpt_dir",
      defaultValue = "demo/checkpoint/t2v",
      description = "The checkpoint (default: ${DEFAULT-VALUE}).")
  private Path checkpoint;

  @Option(
      names = "--magcache_ratios",
      defaultValue = "demo/checkpoint/magcache-ratios.json",
      description =
          "Ratios of a calibration, measured first where there are none (default:"
              + " ${DEFAULT-VALUE}).")
  private Path ratios;

  @Override
  public Integer call() {
    return options.runOn(
        (device, arithmetic) -> QualityBenchmark.run(checkpoint, device, arithmetic, ratios));
  }
}
