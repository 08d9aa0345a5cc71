package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.files.OwnProcess;

/// Ranks that are processes: what one computes with the others, and that none outlives another that
/// dies or is frozen at any point.
final class RankProcessesTest {
  private static final int ENDLESS = Integer.MAX_VALUE;
  private static final long BOUND = 5_000; // milliseconds

  private final List<Process> processes = new ArrayList<>();
  private final List<BufferedReader> outputs = new ArrayList<>();

  private void start(int ranks, int times) throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    for (int rank = 0; rank < ranks; rank++) {
      ProcessBuilder builder =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElseThrow(),
                  "-XX:TieredStopAtLevel=1",
                  "-XX:+UseSerialGC",
                  "-Xmx64m",
                  "--add-modules",
                  "jdk.incubator.vector",
                  "-cp",
                  OwnProcess.classPath(),
                  RankProcess.class.getName(),
                  String.valueOf(times))
              .redirectError(ProcessBuilder.Redirect.DISCARD);
      builder
          .environment()
          .putAll(
              Map.of(
                  "RANK", String.valueOf(rank),
                  "WORLD_SIZE", String.valueOf(ranks),
                  "LOCAL_RANK", String.valueOf(rank),
                  "MASTER_ADDR", "localhost",
                  "MASTER_PORT", "1",
                  "WAN4J_PORT", String.valueOf(port)));
      Process process = builder.start();
      processes.add(process);
      outputs.add(process.inputReader(StandardCharsets.UTF_8));
    }
  }

  @AfterEach
  void nothingIsLeft() {
    processes.forEach(Process::destroyForcibly);
  }

  @Test
  void processesAddTheirTensors() throws Exception {
    start(3, 50);
    for (int rank = 0; rank < 3; rank++) {
      assertThat(outputs.get(rank).lines()).containsExactly("joined", "sum 150.0"); // 3 * 49 + 3
      assertThat(processes.get(rank).waitFor()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void aRankThatIsKilledEndsAllOthers(int killed) throws Exception {
    startAndWait(3, ENDLESS);
    processes.get(killed).destroyForcibly();
    requireEnded(
        killed, "rank %d of 3 ended before its work was done".formatted(killed), System.nanoTime());
  }

  @Test
  void aRankThatComputesWhenAnotherDiesIsEndedToo() throws Exception {
    startAndWait(2, 0);
    processes.get(1).destroyForcibly();
    requireEnded(1, "rank 1 of 2 ended before its work was done", System.nanoTime());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aRankThatIsFrozenEndsAllOthers(int frozen) throws Exception {
    startAndWait(2, ENDLESS);
    new ProcessBuilder("kill", "-STOP", String.valueOf(processes.get(frozen).pid()))
        .start()
        .waitFor();
    requireEnded(
        frozen, "rank %d of 2 gave no sign of life for 3 s".formatted(frozen), System.nanoTime());
  }

  /// Starts processes that add so many times, and waits for a random time within it.
  private void startAndWait(int ranks, int times) throws Exception {
    start(ranks, times);
    for (BufferedReader output : outputs) {
      assertThat(output.readLine()).isEqualTo("joined");
    }
    Thread.sleep(ThreadLocalRandom.current().nextInt(200));
  }

  private void requireEnded(int cause, String sentence, long since) throws Exception {
    for (int rank : IntStream.range(0, processes.size()).filter(r -> r != cause).toArray()) {
      long left = BOUND - (System.nanoTime() - since) / 1_000_000;
      assertThat(processes.get(rank).waitFor(left, TimeUnit.MILLISECONDS))
          .as("rank %d has ended", rank)
          .isTrue();
      assertThat(processes.get(rank).exitValue()).isEqualTo(1);
      assertThat(outputs.get(rank).readLine()).isEqualTo(sentence);
    }
  }
}
