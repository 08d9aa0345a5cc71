package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.Progress;

final class ConsoleReporterTest {
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);

  private List<String> lines() {
    return said.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private static Progress.Step step(int number, int steps, Duration time) {
    return new Progress.Step(number, steps, "high-noise", 2, 0, time);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 9, 10, 11, 40, 50, 999, 1000})
  void offATerminalAtMostTenStepsHaveALineTheLastAmongThem(int steps) {
    List<Integer> told =
        IntStream.rangeClosed(1, steps)
            .filter(step -> ConsoleReporter.isTold(step, steps))
            .boxed()
            .toList();
    assertThat(told).hasSize(Math.min(steps, 10)).last().isEqualTo(steps);
  }

  @Test
  void aTerminalSeesEachStepOnOneLine() {
    try (ConsoleReporter reporter = new ConsoleReporter(out, true)) {
      reporter.begins("denoise");
      IntStream.rangeClosed(1, 40)
          .forEach(i -> reporter.stepped(step(i, 40, Duration.ofMillis(100))));
      reporter.ends("denoise", Duration.ofSeconds(4));
    }
    assertThat(said.toString(StandardCharsets.UTF_8)).contains("step 1/40", "step 40/40");
    assertThat(lines().getLast()).startsWith("denoise").contains("4.00 s");
  }

  /// The first step loads networks and compiles kernels: it took a hundred seconds here.
  @Test
  void whatIsLeftDoesNotCountTheFirstStep() {
    try (ConsoleReporter reporter = new ConsoleReporter(out, false)) {
      reporter.begins("denoise");
      reporter.stepped(step(1, 3, Duration.ofSeconds(100)));
      reporter.stepped(step(2, 3, Duration.ofMillis(1)));
      reporter.stepped(step(3, 3, Duration.ofMillis(1)));
    }
    assertThat(lines().get(0)).endsWith("at most 3:20 left");
    assertThat(lines().get(1)).containsPattern("  0:0[0-9] left$");
    assertThat(lines().get(2)).endsWith("last step");
  }

  @Test
  void whatFilesAreCalledDoesNotReachTheTerminalAsCommands() {
    try (ConsoleReporter reporter = new ConsoleReporter(out, false)) {
      reporter.says("the LoRA \u001b[2Ja.safetensors\nhas\tlayers");
      reporter.finished(Path.of("a\u0007.mp4"), 7, 2_500_000_000L);
    }
    assertThat(lines())
        .containsExactly(
            "the LoRA ?[2Ja.safetensors has layers",
            "saved a?.mp4 (seed 7, at most 2.50 GB of weights and tensors at once)");
  }

  @Test
  void aLongStageGivesASignOfLifeUntilItEnds() throws InterruptedException {
    BlockingQueue<String> signs = new LinkedBlockingQueue<>();
    SignOfLife life = new SignOfLife(Duration.ofMillis(20), signs::add);
    life.begins("decode");
    assertThat(signs.poll(10, TimeUnit.SECONDS)).matches("decode: \\d+ s so far");
    assertThat(signs.poll(10, TimeUnit.SECONDS)).isNotNull();
    life.ends();
    Thread.sleep(100);
    signs.clear();
    assertThat(signs.poll(100, TimeUnit.MILLISECONDS)).isNull();
  }
}
