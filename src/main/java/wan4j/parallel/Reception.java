package wan4j.parallel;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;
import wan4j.parallel.RankConnection.Kind;
import wan4j.parallel.RankConnection.Message;
import wan4j.tensor.InputException;

/// Where rank 0 receives the others: each caller has a few seconds to prove that it belongs to the
/// job, on a thread of its own; all others are hung up on and hold up nobody.
final class Reception implements AutoCloseable {
  private static final int MOST_WAITING = 256; // the oldest goes first
  private static final int MOST_HELLO = 1 << 18; // bytes

  private final JobIdentity identity;
  private final JobSecret secret;
  private final HubMeeting hub;
  private final ServerSocket server;
  private final Deque<Socket> waiting = new ArrayDeque<>();
  private final AtomicInteger refused = new AtomicInteger();

  /// Opens an address; throws `InputException` where that is not possible.
  Reception(InetSocketAddress address, JobIdentity identity, JobSecret secret, HubMeeting hub) {
    this.identity = identity;
    this.secret = secret;
    this.hub = hub;
    try {
      server = new ServerSocket();
      server.setReuseAddress(true);
      server.bind(address, MOST_WAITING);
    } catch (IOException e) {
      throw new InputException(
          "rank 0 cannot listen on port %d (%s); set %s to a free port, the same on all ranks"
              .formatted(address.getPort(), e.getMessage(), JobEnvironment.PORT),
          e);
    }
    Thread.ofPlatform().daemon().name("reception of ranks").start(this::receive);
  }

  private void receive() {
    while (!server.isClosed()) {
      try {
        Socket caller = server.accept();
        await(caller);
        Thread.ofVirtual().start(() -> receive(caller));
      } catch (IOException e) {
        // closed, or a caller that hung up; a lack of file descriptors may pass
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void await(Socket caller) {
    synchronized (waiting) {
      waiting.addLast(caller);
      if (waiting.size() > MOST_WAITING) {
        hangUp(waiting.removeFirst());
      }
    }
  }

  private void receive(Socket caller) {
    boolean isKept = false;
    try {
      Handshake handshake = new Handshake(caller, secret);
      switch (handshake.asHub()) {
        case KNOWN -> isKept = welcome(caller, handshake);
        case OTHER_SECRET -> refused.incrementAndGet();
        case STRANGER -> {}
      }
    } catch (IOException e) {
      // a stranger
    } finally {
      synchronized (waiting) {
        waiting.remove(caller);
      }
      if (!isKept) {
        hangUp(caller);
      }
    }
  }

  private boolean welcome(Socket caller, Handshake handshake) throws IOException {
    RankConnection connection = new RankConnection(caller);
    handshake.limitReading();
    Message message = connection.receive(MOST_HELLO);
    if (message.kind() != Kind.HELLO) {
      return false;
    }
    Hello hello = Hello.of(message.bytes());
    synchronized (waiting) {
      waiting.remove(caller); // from now on it stays
    }
    String mistake = mistake(hello);
    if (mistake == null && !hub.add(hello.rank, connection)) {
      mistake =
          "came twice; give each process a RANK of its own, and end what is left of earlier jobs";
    }
    if (mistake != null) {
      RankException misfit = RankException.misfit(hello.rank, hub.ranks(), mistake);
      connection.trySend(Kind.FAILURE, HubMeeting.failureBytes(misfit));
      connection.close();
      hub.fail(misfit);
    }
    return true;
  }

  private String mistake(Hello hello) {
    if (hello.ranks != hub.ranks()) {
      return "was told of %d ranks, but rank 0 of %d; give all the same WORLD_SIZE"
          .formatted(hello.ranks, hub.ranks());
    }
    if (hello.rank < 1 || hello.rank >= hub.ranks()) {
      return "has a number that is not free; expected 1 to %d in RANK".formatted(hub.ranks() - 1);
    }
    return identity.differenceOf(hello.identity);
  }

  private static void hangUp(Socket caller) {
    try {
      caller.close();
    } catch (IOException e) {
      // it has hung up itself
    }
  }

  /// Returns how many callers knew another secret.
  int refused() {
    return refused.get();
  }

  /// Receives nobody any more.
  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      // nobody can come in any case
    }
    synchronized (waiting) {
      waiting.forEach(Reception::hangUp);
    }
  }

  /// Who a rank says it is.
  record Hello(int rank, int ranks, JobIdentity identity) {
    byte[] bytes() {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (DataOutputStream out = new DataOutputStream(bytes)) {
        out.writeInt(rank);
        out.writeInt(ranks);
        out.writeUTF(identity.version());
        out.writeUTF(identity.request());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return bytes.toByteArray();
    }

    static Hello of(byte[] bytes) throws IOException {
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
      return new Hello(in.readInt(), in.readInt(), new JobIdentity(in.readUTF(), in.readUTF()));
    }
  }
}
