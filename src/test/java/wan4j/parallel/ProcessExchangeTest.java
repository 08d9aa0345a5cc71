package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.ops.SavedState;
import wan4j.tensor.Tensor;

/// What processes tell each other arrives as it was, in one message or cut into many; each is a
/// thread here.
final class ProcessExchangeTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final int RANKS = 3;

  private static <T> List<T> of(int chunk, Function<ProcessExchange, T> work) throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    List<T> made = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<T>> ranks = new ArrayList<>();
      for (int rank = 0; rank < RANKS; rank++) {
        JobEnvironment environment =
            new JobEnvironment(rank, RANKS, rank, 0, "localhost", port, null);
        ranks.add(
            threads.submit(() -> {
              try (ProcessMeeting meeting =
                  Rendezvous.join(
                      environment,
                      new JobIdentity("0.1.0", ""),
                      new Rendezvous.Times(LIMIT, LIMIT))) {
                T result = work.apply(new ProcessExchange(meeting, LIMIT, chunk));
                meeting.finish();
                return result;
              }
            }));
      }
      for (Future<T> rank : ranks) {
        made.add(rank.get());
      }
    }
    return made;
  }

  @Test
  void numbersAreThoseOfAllOrOfTheFirst() throws Exception {
    List<String> told =
        of(
            1 << 20,
            host ->
                "%s %s %s %s %s"
                    .formatted(
                        host.all(host.rank(), -1).stream().map(n -> n[0] + "," + n[1]).toList(),
                        host.numbersOfFirst(() -> new long[] {7, Long.MIN_VALUE})[1],
                        host.decidedByFirst(() -> host.rank() == 1),
                        host.decidedByCallers(() -> host.rank() == 1),
                        host.ofFirst(() -> null)));
    assertThat(told)
        .containsOnly("[0,-1, 1,-1, 2,-1] -9223372036854775808 false true null")
        .hasSize(RANKS);
  }

  @ParameterizedTest
  @ValueSource(ints = {1 << 20, 5})
  void tensorsAndStatesArrive(int chunk) throws Exception {
    List<List<Float>> told =
        of(
            chunk,
            host -> {
              List<Float> all = new ArrayList<>();
              add(all, host.ofFirst(() -> Tensor.of(new float[] {1, 2, 3}, 1, 3)));
              SavedState own = new SavedState();
              own.put("empty", Tensor.of(new float[0], 0, 2));
              own.at("solver").put("last", Tensor.of(new float[] {host.rank(), 5}, 2));
              own.put("step", (long) host.rank());
              SavedState whole = new SavedState();
              whole.putAll("run", own);
              SavedState first = host.stateOfFirst(() -> whole.at("run"));
              add(all, first.at("solver").tensor("last"));
              assertThat(first.tensor("empty").shape().toArray()).containsExactly(0, 2);
              for (SavedState state : host.statesToFirst(own)) {
                all.add((float) state.count("step", 9));
              }
              // a rank may have nothing to show
              List<Tensor> frames =
                  host.rank() == 1 ? List.of() : List.of(Tensor.of(new float[] {host.rank()}, 1));
              host.toFirst(frames).forEach(list -> list.forEach(frame -> add(all, frame)));
              return all;
            });
    assertThat(told.getFirst()).containsExactly(1f, 2f, 3f, 0f, 5f, 0f, 1f, 2f, 0f, 2f);
    assertThat(told.get(1)).containsExactly(1f, 2f, 3f, 0f, 5f);
    assertThat(told.get(2)).isEqualTo(told.get(1));
  }

  private static void add(List<Float> all, Tensor tensor) {
    for (float value : tensor.toFloats()) {
      all.add(value);
    }
  }
}
