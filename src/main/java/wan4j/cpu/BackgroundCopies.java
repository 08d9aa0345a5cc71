package wan4j.cpu;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Fills the buffers of sharded weights on a thread of its own, one after the other.
final class BackgroundCopies implements AutoCloseable {
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("weights-gather").daemon().factory());
  private final Future<?>[] filling;

  /// Creates the copies into so many buffers.
  BackgroundCopies(int buffers) {
    filling = new Future<?>[buffers];
  }

  /// Begins to fill a buffer.
  void begin(int buffer, Runnable copy) {
    filling[buffer] = thread.submit(copy);
  }

  /// Waits until a buffer is filled; throws what went wrong.
  void await(int buffer) {
    Future<?> copy = filling[buffer];
    if (copy == null) {
      return;
    }
    filling[buffer] = null;
    try {
      copy.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while weights were gathered", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  /// Waits until nothing is copied any more.
  @Override
  public void close() {
    thread.close();
  }
}
