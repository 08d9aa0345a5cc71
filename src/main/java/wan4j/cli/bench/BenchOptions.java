package wan4j.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.bench.Workbench;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.Report;
import wan4j.cli.ArithmeticOptions;
import wan4j.cli.MeasurementOptions;
import wan4j.cli.ResidualOptions;

/// The flags that all benchmarks share.
final class BenchOptions {
  @Option(names = "--device", defaultValue = "cuda", description = "cpu or cuda (default: cuda).")
  private String device;

  @Mixin private ArithmeticOptions arithmetic;

  @Option(
      names = "--fp8_recipe",
      description =
          "The recipe of a transformer's linear layers: Float8CurrentScaling, DelayedScaling,"
              + " Float8BlockScaling or PerTokenScaling (default: none).")
  private String recipe;

  @Option(
      names = "--warm_up",
      paramLabel = "0..",
      defaultValue = "2",
      description = "Runs before the measured ones.")
  private int warmUp;

  @Option(
      names = "--runs",
      paramLabel = "1..",
      defaultValue = "5",
      description = "Measured runs (default: 5).")
  private int runs;

  @Mixin private MeasurementOptions measurements;

  /// Opens the device, runs a benchmark, prints its results and adds them to the file.
  int run(Function<Workbench, List<Measurement>> benchmark) {
    return run(arithmetic.on(Device.of(device)), benchmark);
  }

  /// The same with the residual stream that a flag names.
  int run(ResidualOptions residual, Function<Workbench, List<Measurement>> benchmark) {
    return run(residual.of(arithmetic.on(Device.of(device)), Device.of(device)), benchmark);
  }

  private int run(Arithmetic arithmetic, Function<Workbench, List<Measurement>> benchmark) {
    Device where = Device.of(device);
    Workbench.Settings settings = settings(where, arithmetic);
    return measurements.tell(
        where,
        () -> {
          try (Workbench bench = new Workbench(settings)) {
            return benchmark.apply(bench);
          }
        });
  }

  /// Runs a benchmark whose work is done by processes of their own, which open the device; prints
  /// its results and adds them to the file.
  int runProcesses(Function<Workbench.Settings, List<Measurement>> benchmark) {
    Device where = Device.of(device);
    Workbench.Settings settings = settings(where, arithmetic.on(where));
    return measurements.tell(where, () -> benchmark.apply(settings));
  }

  /// Opens the device and runs a benchmark that tells its results one by one: each is added to the
  /// file at once, so that a run that is broken off leaves what it found, and progress goes to
  /// standard error.
  int runAsFound(Found benchmark) {
    Device where = Device.of(device);
    Workbench.Settings settings = settings(where, arithmetic.on(where));
    Consumer<List<Measurement>> file = measurements.file(where);
    try (Workbench bench = new Workbench(settings)) {
      List<Measurement> all = new ArrayList<>();
      benchmark.run(
          bench,
          result -> {
            all.add(result);
            file.accept(List.of(result));
          },
          System.err::println);
      Report.lines(all).forEach(System.out::println);
    }
    return 0;
  }

  /// A benchmark that tells its results, and lines on its progress, one by one.
  interface Found {
    /// Runs on a device.
    void run(Workbench bench, Consumer<Measurement> found, Consumer<String> log);
  }

  /// Returns the device that was chosen.
  Device device() {
    return Device.of(device);
  }

  /// Returns where the results go.
  MeasurementOptions measurements() {
    return measurements;
  }

  private Workbench.Settings settings(Device where, Arithmetic arithmetic) {
    return Workbench.Settings.of(where, arithmetic, recipe, warmUp, runs);
  }
}
