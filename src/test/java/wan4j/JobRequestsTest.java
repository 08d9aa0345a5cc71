package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import wan4j.engine.Job;

/// Ranks that reach each other by connections make the bytes of those that are threads; here each
/// is a thread too.
final class JobRequestsTest {
  private static final Path CHECKPOINT = Path.of("src/test/resources/golden/ckpt/ti2v-tiny");
  private static final int RANKS = 3; // a head each

  private static List<Float> made() {
    EngineOptions options =
        new EngineOptions(CHECKPOINT, Device.CPU, false, false).with(Ranks.of(RANKS));
    VideoRequest request =
        VideoRequest.of(
            "a red ball",
            new VideoSize(64, 64, 5),
            Sampling.of(Task.TI2V_5B, 1).withSteps(2).withGuidance(4, 4));
    List<Float> bytes = new ArrayList<>();
    try (VideoEngine engine = VideoEngine.open(options)) {
      engine.generate(
          request,
          frames -> {
            for (float value : frames.toFloats()) {
              bytes.add(value);
            }
          },
          Progress.NONE);
    }
    return bytes;
  }

  private static List<Float> ofRank(int rank, int port) {
    Map<String, String> variables =
        Map.of(
            "RANK", String.valueOf(rank),
            "WORLD_SIZE", String.valueOf(RANKS),
            "LOCAL_RANK", String.valueOf(rank),
            "MASTER_ADDR", "localhost",
            "MASTER_PORT", "1",
            "WAN4J_PORT", String.valueOf(port));
    Job.Command command =
        new Job.Command(
            List.of("generate"), Duration.ofSeconds(60), Throwable::getMessage, _ -> {});
    return Job.work(variables, command, JobRequestsTest::made);
  }

  @Test
  void connectedRanksMakeTheBytesOfThreads() throws Exception {
    List<Float> threads = made();
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    List<Future<List<Float>>> connected = new ArrayList<>();
    try (ExecutorService ranks = Executors.newCachedThreadPool()) {
      for (int rank = 0; rank < RANKS; rank++) {
        int number = rank;
        connected.add(ranks.submit(() -> ofRank(number, port)));
      }
    }
    assertThat(threads).hasSize(5 * 64 * 64 * 3);
    assertThat(connected.getFirst().get()).isEqualTo(threads);
    assertThat(connected.get(1).get()).as("what others hand over").isEmpty();
    assertThat(connected.get(2).get()).as("what others hand over").isEmpty();
  }
}
