package wan4j.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import wan4j.files.PendingFile;

/// Ctrl-C, or the system's request to end: a command that heeds it ends at the next place where it
/// can, tells what it has left, and only then does the program end.
final class Interruption {
  private static final long PATIENCE = 60; // seconds, more than a forward takes on a GPU

  private static volatile boolean isRequested;
  private static volatile CountDownLatch ended; // null where no command heeds

  private Interruption() {}

  /// The command that runs now asks [#isRequested] often enough.
  static synchronized void heed() {
    if (ended == null) {
      PendingFile.beforeRemoval(Interruption::request);
    }
    ended = new CountDownLatch(1);
  }

  /// Says whether the command is to end.
  static boolean isRequested() {
    return isRequested;
  }

  /// The command has ended and told everything.
  static synchronized void ended() {
    if (ended != null) {
      ended.countDown();
    }
  }

  private static void request() {
    CountDownLatch end = ended;
    if (end.getCount() == 0) {
      return; // the program ends of itself
    }
    isRequested = true;
    try {
      if (!end.await(PATIENCE, TimeUnit.SECONDS)) {
        System.err.println(
            "wan4j: stopped within a forward; what was kept before it, if anything, can be"
                + " resumed");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
