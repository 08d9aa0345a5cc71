package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.bench.BenchmarkFile;
import wan4j.bench.Environment;
import wan4j.bench.Measurement;
import wan4j.bench.Report;

/// Where measurements go.
final class MeasurementOptions {
  @Option(names = "--json", description = "The file that the results are added to.")
  private Path file;

  @Option(
      names = "--commit",
      description = "The commit that the file names (default: the working folder's).")
  private String commit;

  /// Prints results, adds them to the file and returns the exit code 0.
  int tell(Device where, List<Measurement> results) {
    Report.lines(results).forEach(System.out::println);
    file(where).accept(results);
    return 0;
  }

  /// Returns what adds results to the file, and does nothing without one.
  Consumer<List<Measurement>> file(Device where) {
    if (file == null) {
      return _ -> {};
    }
    Environment environment = Environment.ofThisMachine(where, commit);
    return results -> BenchmarkFile.append(file, environment, results);
  }
}
