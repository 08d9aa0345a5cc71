package wan4j.parallel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import wan4j.parallel.MeetingBytes.Parcel;
import wan4j.parallel.RankConnection.Kind;
import wan4j.parallel.RankConnection.Message;

/// The side of every rank but rank 0 of a meeting of processes: rank 0 meets in its place.
final class SpokeMeeting extends ProcessMeeting {
  private final RankConnection connection;
  private final Map<List<Integer>, CompletableFuture<List<byte[]>>> awaited = new HashMap<>();
  private final CompletableFuture<Void> begun = new CompletableFuture<>();
  private final CompletableFuture<Void> released = new CompletableFuture<>();
  private final CompletableFuture<RankException> failure = new CompletableFuture<>();
  private RankException first; // of all failures, with the lock of `awaited`
  private volatile boolean isFinished;

  SpokeMeeting(int rank, int ranks, RankConnection connection) {
    super(rank, ranks);
    this.connection = connection;
  }

  /// Waits until all ranks are there.
  void begin() {
    connection.start("rank 0", new Reader());
    await(begun);
  }

  @Override
  List<byte[]> exchange(List<Integer> members, List<byte[]> parts) {
    if (!members.contains(rank())) {
      throw new IllegalArgumentException(
          "rank %d came to a meeting of %s".formatted(rank(), members));
    }
    CompletableFuture<List<byte[]>> seen = new CompletableFuture<>();
    synchronized (awaited) {
      if (first != null) {
        throw first.again();
      }
      if (awaited.putIfAbsent(members, seen) != null) {
        throw new IllegalStateException("two threads of a rank are at the same meeting");
      }
    }
    connection.trySend(Kind.BROUGHT, MeetingBytes.of(new Parcel(members, parts)));
    return await(seen);
  }

  private <T> T await(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      throw failure.join().again();
    }
  }

  @Override
  public void fail(int rank, Throwable cause) {
    if (!(cause instanceof RankException)) {
      fail(RankException.of(rank, ranks(), RankException.failed(cause), cause));
    }
  }

  @Override
  void fail(RankException own) {
    if (end(own)) {
      connection.trySend(Kind.FAILURE, HubMeeting.failureBytes(own));
    }
  }

  /// Ends everything here with the first failure; returns whether this is it.
  private boolean end(RankException cause) {
    List<CompletableFuture<List<byte[]>>> waiting;
    synchronized (awaited) {
      if (first != null) {
        return false;
      }
      first = cause;
      waiting = List.copyOf(awaited.values());
      awaited.clear();
    }
    failure.complete(cause);
    waiting.forEach(future -> future.completeExceptionally(cause));
    begun.completeExceptionally(cause);
    released.completeExceptionally(cause);
    return true;
  }

  @Override
  public void onFailure(Consumer<RankException> listener) {
    var _ = failure.thenAccept(listener);
  }

  @Override
  public void finish() {
    connection.trySend(Kind.DONE, new byte[0]);
    await(released);
    isFinished = true;
  }

  @Override
  public void close() {
    if (!isFinished) {
      fail(RankException.of(rank(), ranks(), "ended before its work was done", null));
    }
    connection.close();
  }

  /// What a rank does with the messages of rank 0.
  private final class Reader implements RankConnection.Reader {
    @Override
    public void read(Message message) {
      switch (message.kind()) {
        case START -> begun.complete(null);
        case SEEN -> {
          Parcel parcel = MeetingBytes.parcel(message.bytes());
          CompletableFuture<List<byte[]>> future;
          synchronized (awaited) {
            future = awaited.remove(parcel.members());
          }
          if (future == null) {
            throw new IllegalArgumentException("an answer that was not asked for");
          }
          future.complete(parcel.parts());
        }
        case FAILURE -> end(HubMeeting.failure(message.bytes()));
        case DONE -> {
          isFinished = true;
          connection.close();
          released.complete(null);
        }
        case BEAT, HELLO, BROUGHT ->
            throw new IllegalArgumentException("a message of kind " + message.kind());
      }
    }

    @Override
    public void ended(String what) {
      end(RankException.of(0, ranks(), what, null));
    }
  }
}
