package wan4j.parallel;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import wan4j.parallel.MeetingBytes.Parcel;
import wan4j.parallel.RankConnection.Kind;
import wan4j.parallel.RankConnection.Message;

/// Rank 0's side of a meeting of processes: each of the others is connected with it, and it meets
/// in their place.
final class HubMeeting extends ProcessMeeting {
  private static final Duration FAREWELL = Duration.ofSeconds(1);

  private final LocalMeeting local;
  private final RankConnection[] connections; // of the other ranks, null until they join
  private final Set<Integer> done = new HashSet<>();
  private final List<Thread> farewells = new ArrayList<>();
  private final CountDownLatch told = new CountDownLatch(1); // once the farewells are on their way
  private int joined = 1;
  private boolean isFinished;

  HubMeeting(int ranks, Duration limit) {
    super(0, ranks);
    local = new LocalMeeting(ranks, limit);
    connections = new RankConnection[ranks];
    done.add(0);
    local.onFailure(this::tell);
  }

  /// Connects a rank; returns whether it is the first of its number.
  boolean add(int rank, RankConnection connection) {
    synchronized (done) {
      if (connections[rank] != null) {
        return false;
      }
      connections[rank] = connection;
      joined++;
      done.notifyAll();
    }
    connection.start("rank " + rank, new Reader(rank, connection));
    if (!isGoingOn()) { // since before it came
      connection.trySend(Kind.FAILURE, failureBytes(local.failure()));
      connection.close();
    }
    return true;
  }

  /// Waits until all ranks are there; returns those that have not come in time.
  List<Integer> awaitAll(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    List<Integer> missing = new ArrayList<>();
    synchronized (done) {
      while (joined < ranks() && isGoingOn() && await(end - System.nanoTime())) {}
      for (int rank = 1; rank < ranks(); rank++) {
        if (connections[rank] == null) {
          missing.add(rank);
        }
      }
    }
    requireGoingOn();
    return missing;
  }

  /// Lets all ranks begin.
  void begin() {
    for (int rank = 1; rank < ranks(); rank++) {
      connections[rank].trySend(Kind.START, new byte[0]);
    }
  }

  @Override
  void fail(RankException first) {
    local.fail(first);
  }

  @Override
  List<byte[]> exchange(List<Integer> members, List<byte[]> parts) {
    return exchange(0, new Parcel(members, parts));
  }

  private List<byte[]> exchange(int rank, Parcel parcel) {
    int member = parcel.members().indexOf(rank);
    if (member < 0 || !all().containsAll(parcel.members())) {
      throw new IllegalArgumentException(
          "rank %d came to a meeting of %s".formatted(rank, parcel.members()));
    }
    return local.among(parcel.members()).meet(member, Parcel.class, parcel).stream()
        .map(other -> other.to(member))
        .toList();
  }

  @Override
  public void fail(int rank, Throwable cause) {
    local.fail(rank, cause);
  }

  @Override
  public void onFailure(Consumer<RankException> listener) {
    local.onFailure(listener);
  }

  /// Tells the others a failure; those who do not read hold up none.
  private void tell(RankException failure) {
    byte[] bytes = failureBytes(failure);
    synchronized (done) {
      for (RankConnection connection : connections) {
        if (connection != null) {
          farewells.add(
              Thread.ofVirtual()
                  .start(() -> {
                    connection.trySend(Kind.FAILURE, bytes);
                    connection.close();
                  }));
        }
      }
      done.notifyAll();
    }
    told.countDown();
  }

  static byte[] failureBytes(RankException failure) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(failure.rank());
      out.writeBoolean(failure.isInput());
      out.writeUTF(shortened(String.valueOf(failure.getMessage())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static String shortened(String sentence) {
    int most = 10_000; // writeUTF takes 65,535 bytes
    return sentence.length() > most ? sentence.substring(0, most) : sentence;
  }

  static RankException failure(byte[] bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      return new RankException(in.readInt(), in.readBoolean(), in.readUTF(), null);
    } catch (IOException e) {
      throw new IllegalArgumentException("a failure that ends early", e);
    }
  }

  /// Waits for the parts of all ranks to be done, then lets all go.
  @Override
  public void finish() {
    synchronized (done) {
      while (done.size() < ranks() && isGoingOn() && await(Duration.ofDays(1).toNanos())) {}
      requireGoingOn();
      isFinished = true;
    }
    for (int rank = 1; rank < ranks(); rank++) {
      connections[rank].trySend(Kind.DONE, new byte[0]);
      connections[rank].close();
    }
  }

  @Override
  public void close() {
    if (!isFinished) {
      local.fail(0, "ended before its work was done", null);
      try {
        told.await(FAREWELL.toMillis(), TimeUnit.MILLISECONDS); // where another thread tells it
        for (Thread farewell : farewells()) {
          farewell.join(FAREWELL);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private List<Thread> farewells() {
    synchronized (done) {
      return List.copyOf(farewells);
    }
  }

  private boolean isGoingOn() {
    return local.failure() == null;
  }

  private void requireGoingOn() {
    if (!isGoingOn()) {
      throw local.failure().again();
    }
  }

  /// Waits, with the lock of `done`, for a change; returns false where the time is over.
  private boolean await(long nanoseconds) {
    if (nanoseconds <= 0) {
      return false;
    }
    try {
      done.wait(Math.max(1, nanoseconds / 1_000_000));
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      local.fail(0, "was interrupted", e);
      return false;
    }
  }

  /// What rank 0 does with the messages of another.
  private final class Reader implements RankConnection.Reader {
    private final int rank;
    private final RankConnection connection;
    private boolean isDone; // read and written by the connection's thread alone

    Reader(int rank, RankConnection connection) {
      this.rank = rank;
      this.connection = connection;
    }

    @Override
    public void read(Message message) {
      switch (message.kind()) {
        case BROUGHT -> {
          Parcel parcel = MeetingBytes.parcel(message.bytes());
          Thread.ofVirtual().start(() -> answer(parcel)); // it waits for the others
        }
        case FAILURE -> local.fail(failure(message.bytes()));
        case DONE -> {
          isDone = true;
          synchronized (done) {
            done.add(rank);
            done.notifyAll();
          }
        }
        case BEAT, HELLO, START, SEEN ->
            throw new IllegalArgumentException("a message of kind " + message.kind());
      }
    }

    private void answer(Parcel parcel) {
      try {
        List<byte[]> seen = exchange(rank, parcel);
        connection.trySend(Kind.SEEN, MeetingBytes.of(new Parcel(parcel.members(), seen)));
      } catch (RankException e) {
        // told already
      } catch (RuntimeException | Error e) {
        local.fail(rank, RankException.failed(e), e);
      }
    }

    @Override
    public void ended(String what) {
      if (!isDone) {
        local.fail(rank, what, null);
      }
    }
  }
}
