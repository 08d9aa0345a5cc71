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

  /// Closes everything that is open, whatever fails on the way; the last failure is thrown.
  @Override
  public void close() {
    if (!closers.isEmpty()) {
      try {
        closers.pop().run();
      } finally {
        close();
      }
    }
  }
}
