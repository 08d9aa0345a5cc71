package wan4j.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

class PagesTest {
  private static final Path BENCHMARKS = Path.of("benchmarks");
  private static final String REMEDY = "run: ./wan4j bench report";
  private static final Environment GPU =
      new Environment(
          "a GPU", "580.159.04", "13.0", Map.of("cuDNN", "9.14.0"), "abc", "2026-11-28");

  @TempDir private Path folder;

  @Test
  void theCommittedPagesAreWrittenFromTheCommittedFiles() throws IOException {
    for (Map.Entry<Path, String> page : Pages.read(BENCHMARKS).all().entrySet()) {
      assertThat(page.getKey()).as(REMEDY).exists();
      assertThat(Files.readString(page.getKey())).as(REMEDY).isEqualTo(page.getValue());
    }
    String readme = Files.readString(Path.of("README.md"));
    assertThat(readme).as(REMEDY).isEqualTo(Pages.read(BENCHMARKS).readme(readme));
    assertThat(readme).contains("| what | wan4j | beside it | ratio |");
  }

  @Test
  void everyPageOfDetailsHasItsFile() throws IOException {
    try (Stream<Path> pages = Files.list(Pages.DETAILS)) {
      assertThat(pages).allMatch(Pages.read(BENCHMARKS).all()::containsKey);
    }
  }

  @Test
  void theSummaryStaysShort() {
    assertThat(Pages.read(BENCHMARKS).all().get(Pages.SUMMARY).length()).isLessThan(10_000);
  }

  @Test
  void aPageNamesDeviceVersionsAndFigures() {
    write(Measurement.of("block", Map.of("share", 8, "size", "96*96"), "time", "ms", 32.123));
    assertThat(page())
        .contains(
            "# gpu: a GPU",
            "| a GPU | 580.159.04 (serves CUDA 13.0) | cuDNN 9.14.0 | abc | 2026-11-28 |")
        .contains("share 8")
        .contains("size 96×96")
        .contains("One run.")
        .contains("| 32.12 |");
  }

  @Test
  void aDriverThatOnlySaysWhichCudaItServesIsNamedOnce() {
    Environment old = new Environment("a GPU", "serves CUDA 13.0", "", Map.of(), "abc", "2026");
    BenchmarkFile.append(
        folder.resolve("gpu.json"),
        old,
        List.of(Measurement.of("text", Map.of(), "time", "ms", 1.5)));
    assertThat(page()).contains("| a GPU | serves CUDA 13.0 | | abc | 2026 |");
  }

  @Test
  void aSpreadIsShownWhereItMatters() {
    write(
        Measurement.of("text", Map.of(), "time", "ms", 9.5, 10.5, 12.25),
        Measurement.of("text", Map.of(), "rest", "ms", 9.99, 10.01, 10.02));
    assertThat(page())
        .contains("| 10.50 (9.500 to 12.25) | 10.01 |")
        .contains("| time (ms) | rest (ms) |")
        .contains("Runs: 3.");
  }

  @Test
  void implementationsOfTheSameWorkShareALine() {
    write(
        Measurement.of("attention", Map.of("keys", 7, "by", "ours"), "time", "ms", 2.5),
        Measurement.of("attention", Map.of("keys", 7, "by", "cuDNN"), "time", "ms", 5.25),
        Measurement.of("attention", Map.of("keys", 9, "by", "ours"), "time", "ms", 3.5));
    assertThat(page())
        .contains("| keys | time, wan4j (ms) | time, cuDNN (ms) | times as fast as cuDNN |")
        .contains("| 7 | 2.500 | 5.250 | 2.10 |")
        .contains("| 9 | 3.500 | | |");
  }

  @Test
  void manyMetricsStandInColumnsAndOperationsApart() {
    for (int size : List.of(7, 9)) {
      for (int i = 0; i < 8; i++) {
        write(Measurement.of("block", Map.of("share", size), "part " + i, "ms", size + 0.5));
      }
    }
    write(Measurement.of("block", Map.of("share", 9), "op: add, 1 calls", "ms", 0.25));
    assertThat(page())
        .contains("| metric | share 7 | share 9 |")
        .contains("| part 7 (ms) | 7.500 | 9.500 |")
        .contains("| operation | share 7 | share 9 |")
        .contains("| add (ms) | | 0.250 |");
  }

  @Test
  void errorsOfLayersStandSideBySide() {
    Map<String, Object> layer =
        Map.of("layer", "down", "outputs", 8, "inputs", 4, "activations", "normal", "rows", 9);
    write(
        Measurement.of("layers", layer, "A: error", "%", 3.758),
        Measurement.of("layers", layer, "A: floor", "%", 3.74),
        Measurement.of("layers", layer, "A: error / floor", "times", 1.0048),
        Measurement.of("layers", layer, "A: beyond the exact product", "%", 0.33),
        Measurement.of("layers", layer, "A, float32 sums: beyond the exact product", "%", 0.17),
        Measurement.of("layers", layer, "A: time", "ms", 0.9),
        Measurement.of("layers", layer, "A, float32 sums: time", "ms", 1.1),
        Measurement.of("layers", layer, "B: error", "%", 4),
        Measurement.of("layers", layer, "B: error / floor", "times", 1));
    assertThat(page())
        .contains("| layer | inputs | A | B |")
        .contains("| down, 8 × 4 | normal | 3.76 (1.005) | 4.00 (1.000) |")
        .contains("| down, 8 × 4 | normal | 0.33, 0.17; 0.900, 1.100 ms |");
  }

  @Test
  void comparisonsStateRatioAndGoal() throws IOException {
    write(
        Measurement.of("attention", Map.of("by", "ours"), "time", "ms", 2),
        Measurement.of("attention", Map.of("by", "cuDNN"), "time", "ms", 3),
        Measurement.of("attention", Map.of("by", "ours"), "rate", "TFLOP/s", 600),
        Measurement.of("attention", Map.of("by", "cuDNN"), "rate", "TFLOP/s", 400));
    rows(
        row("fast", "time", "ratio", 1.4),
        row("a rate", "rate", "at least", 650),
        row("short", "time", "at most", 2));
    assertThat(summary())
        .contains("| fast | 2 ms | cuDNN 9.14.0: 3 ms | 1.50 × | ≥ 1.40 ×, met | [gpu] |")
        .contains("| 600 TFLOP/s | cuDNN 9.14.0: 400 TFLOP/s | 1.50 × | ≥ 650 TFLOP/s, **open** |")
        .contains("| short | 2 ms | cuDNN 9.14.0: 3 ms | 1.50 × | ≤ 2 ms, met | [gpu] |")
        .contains("[gpu]: docs/benchmarks/gpu.md");
  }

  @Test
  void theTableOfReadmeIsRenewedInItsPlace() throws IOException {
    write(
        Measurement.of("attention", Map.of("by", "ours"), "time", "ms", 2),
        Measurement.of("attention", Map.of("by", "cuDNN"), "time", "ms", 3));
    rows(row("fast", "time", "ratio", 1.4));
    Path readme = folder.resolve("README.md");
    Files.writeString(
        readme,
        "before\n<!-- table by ./wan4j bench report -->\nold\n<!-- end of the table -->\nafter\n");
    Pages.read(folder).write(folder);
    assertThat(readme)
        .content()
        .startsWith("before\n<!-- table by")
        .contains("| fast | 2 ms | cuDNN 9.14.0: 3 ms | 1.50 × |\n\n<!-- end of the table -->")
        .doesNotContain("old")
        .endsWith("after\n");
    assertThat(folder.resolve("BENCHMARKS.md")).content().isEqualTo(summary());
    assertThat(folder.resolve("docs/benchmarks/gpu.md")).content().isEqualTo(page());
  }

  @Test
  void aRowWithoutExactlyOneResultIsRefused() throws IOException {
    write(Measurement.of("attention", Map.of("by", "ours"), "time", "ms", 2));
    rows(row("fast", "time", "ratio", 1.4));
    assertThatThrownBy(this::summary)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("by=cuDNN")
        .hasMessageContaining("matches 0 results; expected exactly one");
  }

  @Test
  void aGoalOfAnUnknownKindIsRefused() throws IOException {
    write(Measurement.of("block", Map.of(), "time", "ms", 1));
    rows(row("fast", "time", "around", 1.4));
    assertThatThrownBy(() -> Pages.read(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("expected at most, at least or ratio");
  }

  private void write(Measurement... results) {
    BenchmarkFile.append(folder.resolve("gpu.json"), GPU, List.of(results));
  }

  private String page() {
    return Pages.read(folder).all().get(Path.of("docs/benchmarks/gpu.md"));
  }

  private String summary() {
    return Pages.read(folder).all().get(Pages.SUMMARY);
  }

  private void rows(String... rows) throws IOException {
    Path file = folder.resolve(Pages.ROWS);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "{\"rows\": [" + String.join(",", rows) + "]}");
  }

  private static String row(String what, String metric, String goal, double value) {
    String source =
        "\"file\": \"gpu\", \"benchmark\": \"attention\", \"metric\": \"%s\"".formatted(metric);
    return """
    {"what": "%s", "ours": {%s, "parameters": {"by": "ours"}},
     "peer": {"name": "cuDNN", %s, "parameters": {"by": "cuDNN"}}, "goal": {"%s": %s}, "readme": true}
    """
        .formatted(what, source, source, goal, value);
  }
}
