package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import wan4j.tensor.InputException;

/// The ranks of a job find each other over loopback; each is a thread here.
final class RendezvousTest {
  private static final JobIdentity IDENTITY = new JobIdentity("0.1.0", "--seed 1");
  private static final String SECRET = "a secret of these tests";
  private static final Rendezvous.Times TIMES =
      new Rendezvous.Times(Duration.ofSeconds(20), Duration.ofSeconds(20));

  /// A rank that joins and does something.
  private interface Work {
    Object run(ProcessMeeting meeting);
  }

  private final int port = freePort();

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private JobEnvironment environment(int rank, int ranks, String secret) {
    return new JobEnvironment(rank, ranks, rank, 0, "127.0.0.1", port, secret);
  }

  private Callable<Object> rank(JobEnvironment environment, JobIdentity identity, Work work) {
    return () -> {
      try (ProcessMeeting meeting = Rendezvous.join(environment, identity, TIMES)) {
        Object result;
        try {
          result = work.run(meeting);
        } catch (RuntimeException e) {
          meeting.fail(meeting.rank(), e);
          throw e;
        }
        meeting.finish();
        return result;
      }
    };
  }

  private List<Callable<Object>> ranks(int ranks, String secret, Work work) {
    List<Callable<Object>> all = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      all.add(rank(environment(rank, ranks, secret), IDENTITY, work));
    }
    return all;
  }

  /// Returns what each rank returns or, where it throws, the exception.
  private static List<Object> outcomes(List<Callable<Object>> ranks) throws Exception {
    List<Object> outcomes = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      for (Future<Object> future : threads.invokeAll(ranks)) {
        try {
          outcomes.add(future.get());
        } catch (ExecutionException e) {
          outcomes.add(e.getCause());
        }
      }
    }
    return outcomes;
  }

  private static Object meetings(ProcessMeeting meeting) {
    int rank = meeting.rank();
    List<Object> seen = new ArrayList<>();
    seen.addAll(meeting.meet(rank, Integer.class, 10 * rank));
    seen.addAll(meeting.meet(rank, String.class, "é" + rank));
    seen.addAll(meeting.meet(rank, Long.class, 1L << (40 + rank)));
    seen.addAll(meeting.meet(rank, Double.class, 0.5 * rank));
    seen.addAll(meeting.meet(rank, Boolean.class, rank == 1));
    if (rank != 1) {
      seen.addAll(meeting.among(List.of(0, 2)).meet(rank / 2, Integer.class, rank));
    }
    return seen;
  }

  @Test
  void ranksMeetThroughRankZero() throws Exception {
    assertThat(outcomes(ranks(3, null, RendezvousTest::meetings)))
        .containsExactly(met(0, 2), met(), met(0, 2));
  }

  private static List<Object> met(Object... among) {
    List<Object> all =
        new ArrayList<>(
            List.of(
                0, 10, 20, "é0", "é1", "é2", 1L << 40, 1L << 41, 1L << 42, 0.0, 0.5, 1.0, false,
                true, false));
    all.addAll(List.of(among));
    return all;
  }

  @Test
  void strangersDisturbNobody() throws Exception {
    List<Socket> strangers = new ArrayList<>();
    Thread crowd =
        Thread.ofPlatform()
            .start(() -> {
              for (int i = 0; i < 400; i++) {
                try {
                  Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
                  strangers.add(socket);
                  byte[] bytes = new byte[1 + i * 10];
                  ThreadLocalRandom.current().nextBytes(bytes);
                  OutputStream out = socket.getOutputStream();
                  if (i % 2 == 0) { // the others say nothing
                    out.write(bytes);
                    out.flush();
                  }
                } catch (IOException e) {
                  // rank 0 is not there yet, or hung up
                }
              }
            });
    List<Object> outcomes = outcomes(ranks(3, SECRET, RendezvousTest::meetings));
    crowd.join();
    for (Socket socket : strangers) {
      socket.close();
    }
    assertThat(outcomes).containsExactly(met(0, 2), met(), met(0, 2));
  }

  @Test
  void whoKnowsAnotherSecretIsNotLetIn() throws Exception {
    Rendezvous.Times times = new Rendezvous.Times(Duration.ofSeconds(1), Duration.ofSeconds(20));
    List<Object> outcomes =
        outcomes(
            List.of(
                () -> Rendezvous.join(environment(0, 2, SECRET), IDENTITY, times),
                rank(environment(1, 2, "another secret than theirs"), IDENTITY, _ -> 0)));
    assertThat(outcomes)
        .map(outcome -> ((InputException) outcome).getMessage())
        .containsExactly(
            "rank 1 of 2 did not join at port %d within 1 s; callers with another WAN4J_JOB_SECRET: 1; start all ranks, and see that they can reach rank 0's host"
                .formatted(port),
            "rank 0 at 127.0.0.1:%d has another WAN4J_JOB_SECRET; give all ranks of the job the same"
                .formatted(port));
  }

  @Test
  void acrossHostsTheSecretIsRequired() throws Exception {
    JobEnvironment far = new JobEnvironment(1, 2, 0, 1, "192.0.2.1", port, null);
    JobEnvironment near = new JobEnvironment(0, 2, 0, 1, "127.0.0.1", port, null);
    List<Object> outcomes =
        outcomes(List.of(rank(far, IDENTITY, _ -> 0), rank(near, IDENTITY, _ -> 0)));
    assertThat(outcomes)
        .map(outcome -> ((InputException) outcome).getMessage())
        .containsExactly(
            "WAN4J_JOB_SECRET is not set, but MASTER_ADDR 192.0.2.1 is another host; set it on all"
                + " ranks to the same 16 or more characters, such as the output of openssl rand"
                + " -hex 32",
            "WAN4J_JOB_SECRET is not set, but this host has 1 of the 2 ranks; set it on all ranks"
                + " to the same 16 or more characters, such as the output of openssl rand -hex 32");
  }

  @Test
  void ranksThatDoNotFitAreRefusedByName() throws Exception {
    requireRefused(
        environment(1, 2, null),
        new JobIdentity("0.2.0", "--seed 1"),
        "rank 1 of 2 runs wan4j 0.2.0, but rank 0 runs 0.1.0; install the same version on all"
            + " hosts");
    requireRefused(
        environment(1, 2, null),
        new JobIdentity("0.1.0", "--seed 2"),
        "rank 1 of 2 was given \"--seed 2\" where rank 0 was given \"--seed 1\"; start all ranks"
            + " with the same command line");
    requireRefused(
        environment(1, 3, null),
        IDENTITY,
        "rank 1 of 2 was told of 3 ranks, but rank 0 of 2; give all the same WORLD_SIZE");
  }

  private void requireRefused(JobEnvironment misfit, JobIdentity identity, String sentence)
      throws Exception {
    List<Object> outcomes =
        outcomes(
            List.of(
                rank(environment(0, 2, null), IDENTITY, _ -> 0), rank(misfit, identity, _ -> 0)));
    assertThat(outcomes)
        .allSatisfy(outcome ->
            assertThat((Throwable) outcome)
                .isInstanceOf(InputException.class)
                .hasMessage(sentence));
  }

  @Test
  void aRankThatFailsIsToldToAll() throws Exception {
    List<Object> outcomes =
        outcomes(
            ranks(
                3,
                null,
                meeting -> {
                  if (meeting.rank() == 2) {
                    throw new InputException("no memory is left");
                  }
                  return meeting.meet(meeting.rank(), Integer.class, 0);
                }));
    assertThat(outcomes)
        .map(outcome -> ((Throwable) outcome).getMessage())
        .containsExactly(
            "rank 2 of 3 failed: no memory is left",
            "rank 2 of 3 failed: no memory is left",
            "no memory is left");
  }

  @Test
  void aRankThatDoesNotComeToAMeetingIsNamed() throws Exception {
    Rendezvous.Times times = new Rendezvous.Times(Duration.ofSeconds(20), Duration.ofMillis(300));
    List<Callable<Object>> callers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int rank = i;
      callers.add(() -> {
        try (ProcessMeeting meeting =
            Rendezvous.join(environment(rank, 3, null), IDENTITY, times)) {
          if (rank == 1) {
            meeting.finish();
            return 0;
          }
          return meeting.meet(rank, Integer.class, 0);
        }
      });
    }
    assertThat(outcomes(callers))
        .map(outcome -> ((Throwable) outcome).getMessage())
        .containsOnly("rank 1 of 3 did not come to an exchange within 0.3 s");
  }

  @Test
  void whoIsMissingAtTheBeginningIsNamed() throws Exception {
    Rendezvous.Times times = new Rendezvous.Times(Duration.ofSeconds(1), Duration.ofSeconds(20));
    List<Object> outcomes =
        outcomes(
            List.of(
                () -> Rendezvous.join(environment(0, 4, null), IDENTITY, times),
                () -> Rendezvous.join(environment(2, 4, null), IDENTITY, TIMES)));
    assertThat(outcomes)
        .map(outcome -> ((Throwable) outcome).getMessage())
        .containsOnly(
            "rank 1 of 4 did not join at port %d within 1 s (nor did 3); start all ranks, and see that they can reach rank 0's host"
                .formatted(port));
  }
}
