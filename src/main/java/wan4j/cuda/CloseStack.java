package wan4j.cuda;

import java.util.ArrayDeque;
import java.util.Deque;

/// What has been opened, to be closed in reverse order: at the end, or when opening the next fails.
final class CloseStack implements AutoCloseable {
  private final Deque<Runnable> closers = new ArrayDeque<>();

  /// Adds the way to close what was just opened.
  void add(Runnable closer) {
    closers.push(closer);
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
