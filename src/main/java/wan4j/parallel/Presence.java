package wan4j.parallel;

/// The sign that the first rank is there while it works for all, as long as that may take: it comes
/// to the meeting every now and then, so that the others wait for it longer than for a rank that
/// has stopped.
final class Presence implements AutoCloseable {
  private static final int SIGNS = 40; // within ten times the time that a rank is waited for
  private static final int SIGNS_PER_LIMIT = 4;

  private final Runnable sign;
  private final long pause; // milliseconds
  private final Thread thread;
  private boolean isOver; // guarded by this

  /// Begins to give signs to ranks that wait at most `limit` milliseconds for each.
  Presence(Runnable sign, long limit) {
    this.sign = sign;
    pause = Math.max(1, limit / SIGNS_PER_LIMIT);
    thread = Thread.ofPlatform().daemon().name("rank 0 is at work").start(this::run);
  }

  private synchronized void run() {
    try {
      for (int count = 0; count < SIGNS; count++) {
        if (!isOver) {
          wait(pause);
        }
        if (isOver) {
          return;
        }
        sign.run();
      }
    } catch (InterruptedException | RankException e) {
      // the rank itself comes to know of it at its next exchange
      return;
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      isOver = true;
      notifyAll();
    }
    boolean isInterrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        isInterrupted = true;
      }
    }
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
