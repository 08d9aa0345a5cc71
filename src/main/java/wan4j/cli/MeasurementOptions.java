package wan4j.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.BenchmarkFile;
import wan4j.bench.report.Report;
import wan4j.tensor.InputException;

/// Where measurements go; what can be known of the file is checked before anything is measured.
public final class MeasurementOptions {
  private static final Duration QUIET = Duration.ofSeconds(30);

  @Option(names = "--json", description = "The file that the results are added to.")
  private Path file;

  @Option(
      names = "--commit",
      description = "The commit that the file names (default: the working folder's).")
  private String commit;

  /// Throws `InputException` for a commit without a file, and for a file that could not take
  /// results of this commit, as far as that can be known without a look at the device.
  public void check() {
    if (file == null && commit != null) {
      throw new InputException(
          "--commit was given without --json, whose file names it; add --json or leave it out");
    }
    if (file != null) {
      BenchmarkFile.requireAppendable(file, Environment.commit(commit));
    }
  }

  /// Returns what adds results to the file, and does nothing without one; throws `InputException`
  /// when the file could not take any of this device, as far as that can be known.
  public Consumer<List<Measurement>> file(Device where) {
    check();
    if (file == null) {
      return _ -> {};
    }
    Environment environment = Environment.ofThisMachine(where, commit);
    BenchmarkFile.requireAppendable(file, environment);
    return results -> BenchmarkFile.append(file, environment, results);
  }

  /// Checks the file, measures, prints the results, adds them to the file and returns the exit code
  /// 0.
  public int tell(Device where, Supplier<List<Measurement>> benchmark) {
    Consumer<List<Measurement>> target = file(where);
    SignOfLife life = new SignOfLife(QUIET, System.err::println);
    List<Measurement> results;
    life.begins("measuring");
    try {
      results = benchmark.get();
    } finally {
      life.ends();
    }
    Report.lines(results).forEach(System.out::println);
    target.accept(results);
    return 0;
  }
}
