package wan4j.cuda.bind;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.LongConsumer;

/// Resources of a library, closed in reverse order: at the end, or when opening the next one fails.
public final class CloseStack implements AutoCloseable {
  private final Deque<Runnable> closers = new ArrayDeque<>();

  /// Nothing is open yet.
  public CloseStack() {}

  /// Adds the way to close what was just opened.
  public void add(Runnable closer) {
    closers.push(closer);
  }

  /// Adds a handle that was just opened, by what closes it, and returns it.
  public long add(long handle, LongConsumer close) {
    add(() -> close.accept(handle));
    return handle;
  }

  /// Closes everything that is open, whatever fails on the way; the first failure is thrown, later
  /// ones suppressed in it.
  @Override
  public void close() {
    closeAfter(null);
  }

  /// Closes everything that is open because `cause` has happened, which gets what fails on the way
  /// as suppressed; without a cause the first failure is thrown.
  @SuppressWarnings("ReferenceEquality") // a failure cannot suppress itself
  public void closeAfter(Throwable cause) {
    Throwable first = cause;
    while (!closers.isEmpty()) {
      try {
        closers.pop().run();
      } catch (RuntimeException | Error e) {
        if (first == null) {
          first = e;
        } else if (first != e) {
          first.addSuppressed(e);
        }
      }
    }
    if (cause == null) {
      switch (first) {
        case null -> {}
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        default -> throw new AssertionError(first);
      }
    }
  }
}
