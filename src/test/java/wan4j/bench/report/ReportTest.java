package wan4j.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.bench.measure.Environment;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

class ReportTest {
  private static final Environment GPU =
      new Environment(
          "a GPU", "580.159.04", "13.0", Map.of("cuDNN", "9.14.0"), "abc", "2026-11-28");

  @TempDir private Path folder;

  @Test
  void theCommittedPageIsWrittenFromTheCommittedFiles() throws IOException {
    assertThat(Files.readString(Path.of("BENCHMARKS.md")))
        .as("run: ./wan4j bench report")
        .isEqualTo(Report.ofFolder(Path.of("benchmarks")));
  }

  @Test
  void aFileComesBackAsItWasWritten() {
    Path file = folder.resolve("gpu.json");
    List<Measurement> first =
        List.of(Measurement.of("block", Map.of("share", 8), "time", "ms", 3, 1, 2));
    List<Measurement> second =
        List.of(Measurement.of("text", Map.of("tokens", 512), "time", "ms", 4, 2));
    BenchmarkFile.append(file, GPU, first);
    BenchmarkFile.append(file, GPU, second);
    BenchmarkFile read = BenchmarkFile.read(file);
    assertThat(read.environment()).isEqualTo(GPU);
    assertThat(read.results()).containsExactly(first.getFirst(), second.getFirst());
    assertThat(read.results().getFirst().median()).isEqualTo(2);
    assertThat(read.results().getLast().median()).isEqualTo(3);
  }

  @Test
  void aFileThatDoesNotNameTheCudaBesideTheDriverIsRead() throws IOException {
    Path file = folder.resolve("old.json");
    Files.writeString(
        file,
        """
        {"device": "a GPU", "driver": "serves CUDA 13.0", "libraries": {}, "commit": "abc",
         "date": "2026-11-23", "results": []}
        """);
    assertThat(BenchmarkFile.read(file).environment())
        .isEqualTo(new Environment("a GPU", "serves CUDA 13.0", "", Map.of(), "abc", "2026-11-23"));
    assertThat(Report.ofFolder(folder)).contains("2026-11-23, driver serves CUDA 13.0.");
  }

  @Test
  void resultsOfTwoCommitsDoNotShareAFile() {
    Path file = folder.resolve("gpu.json");
    BenchmarkFile.append(file, GPU, List.of(Measurement.of("text", Map.of(), "time", "ms", 1)));
    Environment later =
        new Environment(GPU.device(), GPU.driver(), GPU.cuda(), GPU.libraries(), "def", GPU.date());
    assertThatThrownBy(() -> BenchmarkFile.append(file, later, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("at commit abc");
  }

  @Test
  void aFileAppearsWholeOrIsRefused() throws IOException {
    Path file = folder.resolve("deeper/gpu.json");
    BenchmarkFile.append(file, GPU, List.of());
    assertThat(file.getParent().toFile().list()).containsExactly("gpu.json");
    assertThatThrownBy(() -> BenchmarkFile.append(file.resolve("x.json"), GPU, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("x.json cannot be written (" + file + " is no folder)");
  }

  @Test
  void aRunOverMidnightGoesOnInTheFileOfItsFirstDay() {
    Path file = folder.resolve("gpu.json");
    Measurement before = Measurement.of("text", Map.of(), "before", "ms", 1);
    Measurement after = Measurement.of("text", Map.of(), "after", "ms", 2);
    BenchmarkFile.append(file, GPU, List.of(before));
    BenchmarkFile.append(file, GPU.on("2026-11-29"), List.of(after));
    BenchmarkFile read = BenchmarkFile.read(file);
    assertThat(read.results()).containsExactly(before, after);
    assertThat(read.environment().date()).isEqualTo(GPU.date());
  }

  @Test
  void thePageNamesDeviceVersionsAndFigures() {
    BenchmarkFile.append(
        folder.resolve("gpu.json"),
        GPU,
        List.of(Measurement.of("block", Map.of("share", 8), "time", "ms", 32.123)));
    assertThat(Report.ofFolder(folder))
        .contains(
            "## `gpu.json`: a GPU",
            "Commit abc",
            "driver 580.159.04 (serves CUDA 13.0), cuDNN 9.14.0")
        .contains("### block: share 8")
        .contains("| time | 32.12 | 32.12 | 32.12 | ms | 1 |");
  }

  @Test
  void timesStandAtAGlanceWithTheirRates() {
    Map<String, Object> whole =
        Map.of("share", 8, "recipe", "PerTokenScaling", "residual", "fp32", "precision", "bf16");
    Map<String, Object> layer = Map.of("rows", 9, "outputs", 8);
    Map<String, Object> request = Map.of("steps", 40, "cache", "none");
    BenchmarkFile.append(
        folder.resolve("gpu.json"),
        GPU,
        List.of(
            Measurement.of("block", whole, "time", "ms", 27.3),
            Measurement.of("block", whole, "rate", "TFLOP/s", 740),
            Measurement.of("block", whole, "host", "ms", 1),
            Measurement.of("gemm", layer, "time", "ms", 0.5),
            Measurement.of("generate", request, "total", "s", 365)));
    String page = Report.ofFolder(folder);
    String glance = page.substring(page.indexOf("## At a glance"), page.indexOf("## `gpu.json`"));
    assertThat(glance)
        .contains("PerTokenScaling")
        .contains("share 8")
        .contains("| a GPU | 27.30 | ms | 740.0 |")
        .contains("| generate: steps 40 | a GPU | 365.0 | s |  |")
        .doesNotContain("fp32")
        .doesNotContain("gemm")
        .doesNotContain("host");
  }

  @Test
  void errorsOfLayersStandSideBySide() {
    Map<String, Object> layer =
        Map.of("layer", "down", "outputs", 8, "inputs", 4, "activations", "normal", "rows", 9);
    BenchmarkFile.append(
        folder.resolve("gpu.json"),
        GPU,
        List.of(
            Measurement.of("layers", layer, "A: error", "%", 3.758),
            Measurement.of("layers", layer, "A: floor", "%", 3.74),
            Measurement.of("layers", layer, "A: error / floor", "times", 1.0048),
            Measurement.of("layers", layer, "A: beyond the exact product", "%", 0.33),
            Measurement.of("layers", layer, "A, float32 sums: beyond the exact product", "%", 0.17),
            Measurement.of("layers", layer, "A: time", "ms", 0.9),
            Measurement.of("layers", layer, "A, float32 sums: time", "ms", 1.1),
            Measurement.of("layers", layer, "B: error", "%", 4),
            Measurement.of("layers", layer, "B: error / floor", "times", 1)));
    assertThat(Report.ofFolder(folder))
        .contains("| layer | inputs | A | B |")
        .contains("| down, 8 x 4 | normal | 3.76 (1.005) | 4.00 (1.000) |")
        .contains("| down, 8 x 4 | normal | 0.33, 0.17; 0.900, 1.100 ms |")
        .doesNotContain("### layers: layer");
  }
}
