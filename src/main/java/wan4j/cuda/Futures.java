package wan4j.cuda;

import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/// What has become of work on several threads, once all of it has ended.
final class Futures {
  private Futures() {}

  /// Waits for every piece of work, also when one fails or this thread is interrupted; where pieces
  /// failed, runs `settle` and throws the first failure, the others suppressed.
  static void require(List<? extends Future<?>> work, Runnable settle) {
    Throwable first = null;
    for (Future<?> piece : work) {
      first = joined(first, failure(piece));
    }
    if (first != null) {
      try {
        settle.run();
      } catch (RuntimeException e) {
        first = joined(first, e);
      }
    }
    switch (first) {
      case null -> {}
      case RuntimeException failure -> throw failure;
      case Error failure -> throw failure;
      default -> throw new IllegalStateException(first);
    }
  }

  private static Throwable joined(Throwable first, Throwable next) {
    if (first == null) {
      return next;
    }
    if (next != null && !next.equals(first)) {
      first.addSuppressed(next);
    }
    return first;
  }

  /// Returns why a piece failed, or null, as soon as it has ended.
  private static Throwable failure(Future<?> piece) {
    boolean isInterrupted = false;
    try {
      while (true) {
        try {
          piece.get();
          return null;
        } catch (ExecutionException e) {
          return e.getCause();
        } catch (InterruptedException e) {
          isInterrupted = true; // the memory that it writes must not be freed before it has ended
        }
      }
    } finally {
      if (isInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
