package wan4j.engine;

import java.util.ArrayDeque;
import java.util.Deque;

/// Closes what was added, the last first, unless it is to be kept: everything, also when something
/// fails; the first failure is thrown with the others suppressed.
final class Unwinding implements AutoCloseable {
  /// Something that is closed.
  @FunctionalInterface
  interface Closing {
    void close() throws Exception;
  }

  private final Deque<Closing> closings = new ArrayDeque<>();

  /// Adds and returns what is to be closed.
  <T extends AutoCloseable> T add(T closeable) {
    closings.push(closeable::close);
    return closeable;
  }

  /// Adds what is to be done.
  void then(Runnable closing) {
    closings.push(closing::run);
  }

  /// Leaves everything open.
  void keep() {
    closings.clear();
  }

  @Override
  public void close() {
    Throwable first = null;
    while (!closings.isEmpty()) {
      try {
        closings.pop().close();
      } catch (Exception | Error e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    switch (first) {
      case null -> {}
      case RuntimeException failure -> throw failure;
      case Error failure -> throw failure;
      default -> throw new IllegalStateException(first);
    }
  }
}
