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

class BenchmarkFileTest {
  private static final Environment GPU =
      new Environment(
          "a GPU", "580.159.04", "13.0", Map.of("cuDNN", "9.14.0"), "abc", "2026-11-28");

  @TempDir private Path folder;

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
        .hasMessageContaining("x.json cannot be written (" + file + " is not a folder)");
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
}
