package wan4j.cli.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.bench.DemoBenchmark;
import wan4j.cli.MeasurementOptions;
import wan4j.demo.DemoTask;

/// `wan4j bench demo`: how far the videos of the demo's models show what they should.
@Command(
    name = "demo",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description =
        "How many prompts of a list a model of the demo follows: colour, direction and shape, or"
            + " how a mouth opens with the loudness, as its videos' pixels show them.")
final class BenchDemoCommand implements Callable<Integer> {
  @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda (default: cpu).")
  private String device;

  @Option(
      names = "--task",
      defaultValue = "t2v",
      description = "t2v, i2v, ti2v or s2v (default: ${DEFAULT-VALUE}).")
  private String task;

  @Option(
      names = "--prompts",
      paramLabel = "1..10000",
      defaultValue = "60",
      description = "How many prompts (default: ${DEFAULT-VALUE}).")
  private int prompts;

  @Option(
      names = {"--base_seed", "--seed"},
      paramLabel = "0..",
      defaultValue = "20",
      description = "The first seed of the noise (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Mixin private MeasurementOptions measurements;

  @Override
  public Integer call() {
    Device where = Device.of(device);
    DemoTask checked = DemoTask.of(task);
    return measurements.tell(where, () -> DemoBenchmark.run(where, checked, prompts, seed));
  }
}
