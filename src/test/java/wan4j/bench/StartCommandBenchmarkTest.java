package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

/// `bench start --ckpt_dir`: when the lines of a command came.
final class StartCommandBenchmarkTest {
  @TempDir Path folder;

  private static String step(String expert, double seconds) {
    return "{\"event\":\"step\",\"expert\":\"%s\",\"seconds\":%s}".formatted(expert, seconds);
  }

  @Test
  void whatAFirstStepTakesMoreThanTheNextIsLoading() {
    StartCommandBenchmark.Timeline timeline = new StartCommandBenchmark.Timeline(0);
    timeline.line("{\"event\":\"begin\",\"stage\":\"text\"}", 1);
    timeline.line("a warning", 1.5);
    timeline.line("{\"event\":\"end\",\"stage\":\"text\"}", 3);
    timeline.line(step("high", 4), 7);
    timeline.line(step("high", 2), 9);
    timeline.line(step("low", 2.5), 11.5);
    timeline.line(step("low", 2), 13.5);
    timeline.line("{\"event\":\"saved\"}", 14);
    assertThat(timeline.seconds())
        .containsExactly(
            entry("to the first line", 1.0),
            entry("to the first step", 5.0),
            entry("to the first step, and loading the other expert", 5.5),
            entry("to the end", 14.0),
            entry("stage text", 2.0));
  }

  @Test
  void anExpertOfOneStepTellsNoLoading() {
    StartCommandBenchmark.Timeline timeline = new StartCommandBenchmark.Timeline(0);
    assertThatThrownBy(timeline::seconds)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("told no step");
    timeline.line(step("high", 4), 7);
    assertThatThrownBy(timeline::seconds)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("high had one step alone");
  }

  @Test
  void theCommandIsAUsersAndEachRunHasATargetOfItsOwn() {
    List<List<String>> typed = new ArrayList<>();
    List<Measurement> results =
        StartCommandBenchmark.run(
            Workbench.Settings.of(Device.CPU, Arithmetic.FLOAT32, null, 1, 2),
            Path.of("demo/checkpoint/t2v"),
            VideoSize.of("64*64", 5),
            folder,
            (words, line) -> {
              typed.add(words);
              line.accept(step("high", 0));
              line.accept(step("high", 0));
            },
            _ -> {});
    assertThat(typed).hasSize(3);
    assertThat(typed.getFirst())
        .containsSubsequence("--ckpt_dir", "--device", "cpu", "--sample_steps", "4", "--json");
    assertThat(typed.stream().map(List::getLast)).doesNotHaveDuplicates();
    assertThat(results).hasSize(4);
    assertThat(results.getFirst().parameters())
        .containsEntry("checkpoint", "t2v")
        .containsEntry("task", "t2v-A14B");
    assertThat(results.getFirst().median()).isCloseTo(0, within(1.0));
    assertThat(folder).isEmptyDirectory();
  }
}
