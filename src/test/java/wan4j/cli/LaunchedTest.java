package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.files.OwnProcess;

/// A command that a launcher starts once for each rank, as real processes over loopback.
final class LaunchedTest {
  private static final long BOUND = 5_000; // milliseconds until a job has ended
  private static final List<String> STEPS = List.of("--sample_steps", "12");

  @TempDir Path folder;

  private final List<Ranks> all = new ArrayList<>();

  @AfterEach
  void nothingIsLeft() {
    all.stream().flatMap(ranks -> ranks.processes.stream()).forEach(Process::destroyForcibly);
  }

  /// Two processes that are the ranks of a job.
  private final class Ranks {
    final List<Process> processes = new ArrayList<>();
    final List<BufferedReader> outputs = new ArrayList<>();

    Ranks(String video, List<String> flags, List<String> flagsOfSecond) throws Exception {
      all.add(this);
      int port;
      try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = socket.getLocalPort();
      }
      for (int rank = 0; rank < 2; rank++) {
        List<String> arguments =
            new ArrayList<>(
                List.of("generate", "--device", "cpu", "--any_size", "--json", "--base_seed", "7"));
        arguments.addAll(List.of("--ckpt_dir", Terminal.TEXT_TO_VIDEO.toString()));
        arguments.addAll(List.of("--prompt", "a red ball", "--size", "32*32", "--frame_num", "1"));
        arguments.addAll(List.of("--cache", "easycache", "--checkpoint_every", "1"));
        arguments.addAll(List.of("--save_file", folder.resolve(video).toString()));
        arguments.addAll(flags);
        arguments.addAll(rank == 0 ? List.of() : flagsOfSecond);
        Map<String, String> environment =
            Map.of(
                "RANK",
                String.valueOf(rank),
                "WORLD_SIZE",
                "2",
                "LOCAL_RANK",
                String.valueOf(rank),
                "MASTER_ADDR",
                "localhost",
                "MASTER_PORT",
                "1",
                "WAN4J_PORT",
                String.valueOf(port),
                "JDK_JAVA_OPTIONS",
                "-XX:+UseSerialGC -XX:ActiveProcessorCount=1 --add-modules jdk.incubator.vector"
                    + " --enable-native-access=ALL-UNNAMED");
        Process process =
            OwnProcess.start(Main.class, environment, arguments.toArray(String[]::new));
        processes.add(process);
        outputs.add(process.inputReader());
      }
    }

    /// Waits until the first rank, which alone tells, has made a step.
    void awaitStep(int step) throws IOException {
      StringBuilder all = new StringBuilder();
      String line;
      do {
        line = outputs.getFirst().readLine();
        all.append(line).append('\n');
        assertThat(line).as(all.toString()).isNotNull();
      } while (!line.contains("\"step\":" + step + ","));
    }

    /// Returns the last line that a rank of wan4j says before it ends with an exit code.
    String end(int rank, int code) throws Exception {
      List<String> said = outputs.get(rank).lines().filter(line -> !isOfJava(line)).toList();
      assertThat(processes.get(rank).waitFor()).as(String.join("\n", said)).isEqualTo(code);
      return said.isEmpty() ? "" : said.getLast();
    }

    /// Sends a rank a signal, and returns the last line of the other, which ends soon.
    String endAfter(String signal, int rank) throws Exception {
      long start = System.nanoTime();
      String pid = String.valueOf(processes.get(rank).pid());
      new ProcessBuilder("kill", signal, pid).start().waitFor();
      String last = end(1 - rank, 1);
      assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(BOUND);
      return last;
    }

    private boolean isOfJava(String line) {
      return line.startsWith("NOTE: Picked up") || line.contains("incubator");
    }
  }

  /// The branches of guidance are divided, whose bytes are those of one process; the cache's
  /// decisions and the saved state are the first one's.
  @Test
  void aJobGoesOnAfterOneIsKilledToTheBytesOfOneProcess() throws Exception {
    Ranks killed = new Ranks("out.mkv", STEPS, List.of());
    killed.awaitStep(2);
    assertThat(killed.endAfter("-KILL", 1))
        .startsWith("wan4j: rank 1 of 2 ended before its work was done")
        .contains("is safe in")
        .endsWith("with --resume");
    assertThat(Terminal.names(folder)).containsExactly("out.mkv.state.safetensors");

    List<String> flags = new ArrayList<>(STEPS);
    flags.add("--resume");
    Ranks resumed = new Ranks("out.mkv", flags, List.of());
    Path alone = folder.resolve("alone.mkv");
    Terminal one =
        Terminal.generate(
            Terminal.TEXT_TO_VIDEO,
            alone,
            "--sample_steps",
            "12",
            "--cache",
            "easycache",
            "--size",
            "32*32",
            "--frame_num",
            "1");
    assertThat(one.code()).as(one.error()).isZero();
    assertThat(resumed.end(0, 0)).contains("\"event\":\"saved\"");
    assertThat(resumed.end(1, 0)).isEmpty();
    assertThat(folder.resolve("out.mkv")).hasSameBinaryContentAs(alone);
    assertThat(Terminal.names(folder)).containsExactlyInAnyOrder("out.mkv", "alone.mkv");
  }

  @Test
  void aRankThatIsFrozenEndsTheOtherAndOtherFlagsAreRefused() throws Exception {
    Ranks frozen = new Ranks("frozen.mkv", List.of("--sample_steps", "999"), List.of());
    Ranks different = new Ranks("different.mkv", List.of(), List.of("--quality", "20"));
    String sentence =
        "wan4j: rank 1 of 2 was given \"--quality\" where rank 0 was given nothing more; start all"
            + " ranks with the same command line";
    assertThat(different.end(0, 2)).isEqualTo(sentence);
    assertThat(different.end(1, 2)).isEqualTo(sentence);
    frozen.awaitStep(1);
    assertThat(frozen.endAfter("-STOP", 0))
        .isEqualTo("wan4j: rank 0 of 2 gave no sign of life for 3 s");
  }
}
