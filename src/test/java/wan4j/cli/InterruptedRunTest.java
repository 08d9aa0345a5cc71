package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.files.OwnProcess;

/// A run whose process ends between two steps goes on in another to the same bytes.
final class InterruptedRunTest {
  private static final int STEPS = 12;
  private static final String STATE = "out.mkv.state.safetensors";

  /// What a state has to hold: a history of FP8 scales, residuals and counters of a cache.
  private static final List<String> FLAGS =
      List.of(
          "--sample_steps",
          Integer.toString(STEPS),
          "--size",
          "32*32",
          "--frame_num",
          "1",
          "--fp8_recipe",
          "DelayedScaling",
          "--quantize",
          "--use_magcache",
          "--magcache_thresh",
          "0.3");

  @TempDir Path folder;

  @Test
  void aRunThatIsKilledGoesOnToTheSameBytes() throws Exception {
    long seed = System.nanoTime();
    int killedAfter = 3 + new Random(seed).nextInt(STEPS - 4);
    try (Run run = new Run(folder.resolve("out.mkv"), "--checkpoint_every", "2")) {
      run.awaitStep(killedAfter);
      while (run.process.isAlive() && !Files.exists(folder.resolve(STATE))) {
        Thread.sleep(1); // states are written beside the steps
      }
      run.process.destroyForcibly().waitFor();
    }
    assertThat(Terminal.names(folder)).as("killed after step %d", killedAfter).contains(STATE);
    Terminal resumed = resume("out.mkv");
    assertThat(resumed.code()).as(resumed.error()).isZero();
    assertThat(resumed.error()).containsPattern("going on after step [0-9]+\n");
    assertThat(resumed.error()).contains("step 12/12").doesNotContain("step 1/12");
    Terminal whole = generate("whole.mkv", List.of());
    assertThat(whole.code()).as(whole.error()).isZero();
    assertThat(Terminal.names(folder)).containsExactlyInAnyOrder("out.mkv", "whole.mkv");
    assertThat(Files.readAllBytes(folder.resolve("out.mkv")))
        .as("killed after step %d", killedAfter)
        .isEqualTo(Files.readAllBytes(folder.resolve("whole.mkv")));
    anotherRequestDoesNotGoOn();
  }

  /// The state of a run that was stopped is refused under other flags, which are named.
  private void anotherRequestDoesNotGoOn() throws Exception {
    try (Run run = new Run(folder.resolve("out.mkv"), "--checkpoint_every", "1")) {
      run.awaitStep(2);
      run.process.toHandle().destroy(); // asks it to end, as Ctrl-C does
      String said = run.rest();
      assertThat(said)
          .containsPattern("stopped; what was made up to step [0-9]+ is safe in .*" + STATE)
          .contains("run the same command again with --resume");
      assertThat(run.process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
    Terminal other = resume("out.mkv", "--sample_shift", "4");
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.error()).contains("holds a state made with --sample_shift \"12.0\"");
    Terminal gone = resume("out.mkv");
    assertThat(gone.code()).as(gone.error()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("out.mkv")))
        .isEqualTo(Files.readAllBytes(folder.resolve("whole.mkv")));
    assertThat(Terminal.names(folder)).containsExactlyInAnyOrder("out.mkv", "whole.mkv");
  }

  private Terminal resume(String name, String... more) {
    List<String> flags = new ArrayList<>(List.of(more));
    flags.add("--resume");
    return generate(name, flags);
  }

  private Terminal generate(String name, List<String> more) {
    List<String> flags = new ArrayList<>(FLAGS);
    flags.addAll(more);
    return Terminal.generate(
        Terminal.TEXT_TO_VIDEO, folder.resolve(name), flags.toArray(String[]::new));
  }

  /// The same command in a process of its own.
  private static final class Run implements AutoCloseable {
    final Process process;
    private final BufferedReader said;

    Run(Path target, String... more) throws Exception {
      List<String> arguments =
          new ArrayList<>(
              List.of(
                  "generate",
                  "--ckpt_dir",
                  Terminal.TEXT_TO_VIDEO.toString(),
                  "--save_file",
                  target.toString(),
                  "--any_size",
                  "--prompt",
                  "a red ball",
                  "--base_seed",
                  "7",
                  "--json"));
      arguments.addAll(FLAGS);
      arguments.addAll(List.of(more));
      Map<String, String> java =
          Map.of(
              "JDK_JAVA_OPTIONS",
              "-XX:+UseSerialGC -XX:ActiveProcessorCount=1 --add-modules jdk.incubator.vector"
                  + " --enable-native-access=ALL-UNNAMED");
      process = OwnProcess.start(Main.class, java, arguments.toArray(String[]::new));
      said = process.inputReader();
    }

    /// Waits until a step is done, and says what was said if it never is.
    void awaitStep(int step) throws IOException {
      StringBuilder all = new StringBuilder();
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        all.append(line).append('\n');
        if (line.contains("\"step\":" + step + ",")) {
          return;
        }
      }
      throw new AssertionError("ended before step " + step + ":\n" + all);
    }

    String rest() throws IOException {
      StringBuilder all = new StringBuilder();
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        all.append(line).append('\n');
      }
      return all.toString();
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
