package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.Device;
import wan4j.bench.measure.Environment;
import wan4j.bench.report.BenchmarkFile;

/// A file that cannot take the results is refused before anything is measured.
final class MeasurementOptionsTest {
  private static final String LOAD =
      "bench load --device cpu --gigabytes 0.001 --runs 1 --warm_up 0";
  private static final String VERIFY =
      "verify src/test/resources/golden/schedulers --kind schedulers";
  private static final String COMMIT = "abc";

  @TempDir Path folder;

  private static Terminal run(String command, String... more) {
    List<String> arguments = new ArrayList<>(List.of(command.split(" ", -1)));
    arguments.addAll(List.of(more));
    return Terminal.run(arguments.toArray(String[]::new));
  }

  private static void assertRefused(Terminal run, String fragment) {
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.out()).as("nothing was measured").isEmpty();
    assertThat(run.error()).contains(fragment).hasLineCount(1);
  }

  private static Environment here() {
    return Environment.ofThisMachine(Device.CPU, COMMIT);
  }

  private Path file(Environment environment) {
    Path file = folder.resolve("results.json");
    BenchmarkFile.append(file, environment, List.of());
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        LOAD,
        VERIFY,
        "bench generate --device cpu",
        "bench quality --device cpu",
        "bench start",
        "bench support"
      })
  void aFileOfAnotherCommitOrPlaceIsRefusedBeforeTheWork(String command) throws IOException {
    Path file = file(here());
    byte[] before = Files.readAllBytes(file);
    assertRefused(
        run(command, "--json", file.toString(), "--commit", "def"), "at commit " + COMMIT);
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    assertRefused(run(command, "--commit", COMMIT), "--commit was given without --json");
    Path nowhere = file.resolve("below").resolve("results.json");
    assertRefused(run(command, "--json", nowhere.toString()), "cannot make the folder");
    assertRefused(run(command, "--json", "README.md"), "README.md holds no benchmark results");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {LOAD, VERIFY, "bench generate --device cpu", "bench quality --device cpu"})
  void aFileOfAnotherMachineIsRefusedBeforeTheWork(String command) {
    Path file = file(new Environment("a GPU", "1", "13.0", Map.of(), COMMIT, here().date()));
    assertRefused(
        run(command, "--json", file.toString(), "--commit", COMMIT), "holds results of a GPU");
  }

  @Test
  void resultsAreAddedToAFileOfThisMachineAndCommit() {
    Path file = folder.resolve("new").resolve("results.json");
    for (String command : List.of(LOAD, LOAD, VERIFY)) {
      Terminal run = run(command, "--json", file.toString(), "--commit", COMMIT);
      assertThat(run.code()).as(run.error()).isZero();
    }
    BenchmarkFile content = BenchmarkFile.read(file);
    assertThat(content.environment().commit()).isEqualTo(COMMIT);
    assertThat(content.results())
        .extracting(result -> result.benchmark())
        .contains("verify")
        .startsWith("load", "load", "load", "load", "verify");
  }
}
