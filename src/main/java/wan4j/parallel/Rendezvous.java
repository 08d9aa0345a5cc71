package wan4j.parallel;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import wan4j.parallel.RankConnection.Kind;
import wan4j.tensor.InputException;

/// How the processes of a job find each other: rank 0 listens, the others connect, both prove that
/// they know the job's secret, and rank 0 sees that all have the same version and request. Without
/// a secret everything stays on the loopback interface. The connections stay for meetings and signs
/// of life; tensors go between GPUs by NCCL.
public final class Rendezvous {
  private static final int CONNECTING = 2_000; // milliseconds
  private static final long RETRY = 100;

  private final JobEnvironment environment;
  private final JobIdentity identity;
  private final Times times;
  private final JobSecret secret;

  private Rendezvous(JobEnvironment environment, JobIdentity identity, Times times) {
    this.environment = environment;
    this.identity = identity;
    this.times = times;
    secret = new JobSecret(environment.secret());
  }

  /// How long ranks wait.
  ///
  /// @param joining for all processes to be there
  /// @param exchange for a rank that does not come to a meeting
  public record Times(Duration joining, Duration exchange) {
    /// Waits for processes up to five minutes, since hosts start apart.
    public static Times of(Duration exchange) {
      return new Times(Duration.ofMinutes(5), exchange);
    }
  }

  /// Joins a job and waits for all of its ranks. Throws `InputException` with the rank and the cure
  /// where they do not fit, do not come, or could not be told from strangers.
  public static ProcessMeeting join(JobEnvironment environment, JobIdentity identity, Times times) {
    Rendezvous rendezvous = new Rendezvous(environment, identity, times);
    try {
      return environment.rank() == 0 ? rendezvous.receive() : rendezvous.connect();
    } catch (RankException e) {
      throw e.isInput() ? new InputException(e.getMessage(), e) : e;
    }
  }

  private ProcessMeeting receive() {
    int ranks = environment.ranks();
    HubMeeting hub = new HubMeeting(ranks, times.exchange);
    if (ranks == 1) {
      return hub;
    }
    if (environment.secret() == null
        && environment.localRanks() > 0
        && environment.localRanks() < ranks) {
      throw unproved("this host has %d of the %d ranks".formatted(environment.localRanks(), ranks));
    }
    try (Reception reception = new Reception(place(), identity, secret, hub)) {
      List<Integer> missing = hub.awaitAll(times.joining);
      if (!missing.isEmpty()) {
        throw RankException.misfit(missing.getFirst(), ranks, absence(missing, reception));
      }
      hub.begin();
      return hub;
    } catch (RankException e) {
      hub.fail(e);
      hub.close();
      throw e;
    }
  }

  private InetSocketAddress place() {
    return environment.secret() == null
        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), environment.port())
        : new InetSocketAddress(environment.port());
  }

  private String absence(List<Integer> missing, Reception reception) {
    String others =
        missing.size() == 1
            ? ""
            : " (nor did %s)"
                .formatted(
                    missing.stream()
                        .skip(1)
                        .limit(8)
                        .map(String::valueOf)
                        .collect(Collectors.joining(", ")));
    String strangers =
        reception.refused() == 0
            ? ""
            : "; callers with another %s: %d".formatted(JobEnvironment.SECRET, reception.refused());
    return "did not join at port %d within %d s%s%s; start all ranks, and see that they can reach rank 0's host"
        .formatted(environment.port(), times.joining.toSeconds(), others, strangers);
  }

  private ProcessMeeting connect() {
    long end = System.nanoTime() + times.joining.toNanos();
    String last = "nothing listens there";
    while (System.nanoTime() < end) {
      Socket socket = new Socket();
      boolean isKept = false;
      try {
        socket.connect(new InetSocketAddress(hub(), environment.port()), CONNECTING);
        Handshake handshake = new Handshake(socket, secret);
        switch (handshake.asRank()) {
          case KNOWN -> {
            isKept = true;
            return joined(new RankConnection(socket));
          }
          case OTHER_SECRET ->
              throw new InputException(
                  "rank 0 at %s:%d has another %s; give all ranks of the job the same"
                      .formatted(environment.host(), environment.port(), JobEnvironment.SECRET));
          case STRANGER -> last = "something else answers there";
        }
      } catch (UnknownHostException e) {
        last = "no such host is known";
      } catch (IOException e) {
        last = String.valueOf(e.getMessage());
      } finally {
        if (!isKept) {
          close(socket);
        }
      }
      pause();
    }
    throw new InputException(
        "rank %d found no rank 0 at %s:%d within %d s (%s); start rank 0 there, or set MASTER_ADDR and %s, the same on all ranks"
            .formatted(
                environment.rank(),
                environment.host(),
                environment.port(),
                times.joining.toSeconds(),
                last,
                JobEnvironment.PORT));
  }

  private ProcessMeeting joined(RankConnection connection) {
    SpokeMeeting meeting = new SpokeMeeting(environment.rank(), environment.ranks(), connection);
    try {
      connection.trySend(
          Kind.HELLO,
          new Reception.Hello(environment.rank(), environment.ranks(), identity).bytes());
      meeting.begin();
      return meeting;
    } catch (RuntimeException e) {
      meeting.close();
      throw e;
    }
  }

  /// Returns where rank 0 listens: loopback where there is no secret and it is this host.
  private InetAddress hub() throws UnknownHostException, SocketException {
    InetAddress address = InetAddress.getByName(environment.host());
    if (environment.secret() != null) {
      return address;
    }
    if (address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null) {
      return InetAddress.getLoopbackAddress();
    }
    throw unproved("MASTER_ADDR %s is another host".formatted(environment.host()));
  }

  private static InputException unproved(String why) {
    return new InputException(
        "%s is not set, but %s; set it on all ranks to the same 16 or more characters, such as the output of openssl rand -hex 32"
            .formatted(JobEnvironment.SECRET, why));
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // it has ended already
    }
  }

  private static void pause() {
    try {
      Thread.sleep(RETRY);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the ranks of a job were awaited", e);
    }
  }
}
