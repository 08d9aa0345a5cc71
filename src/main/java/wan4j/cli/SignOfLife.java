package wan4j.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;

/// Says now and then, while a stage runs that tells nothing itself, that it goes on.
final class SignOfLife {
  private final Duration pause;
  private final Consumer<String> says;
  private Thread thread; // null between stages
  private volatile long moved;

  /// Creates one that speaks after each pause without a move.
  SignOfLife(Duration pause, Consumer<String> says) {
    this.pause = pause;
    this.says = says;
  }

  /// A stage begins.
  void begins(String stage) {
    ends();
    long start = System.nanoTime();
    moved = start;
    thread = Thread.ofPlatform().daemon().name("sign of life").start(() -> watch(stage, start));
  }

  /// The stage has told something itself.
  void moves() {
    moved = System.nanoTime();
  }

  /// The stage ends; nothing is said of it any more.
  void ends() {
    if (thread != null) {
      thread.interrupt();
      thread = null;
    }
  }

  private void watch(String stage, long start) {
    try {
      while (true) {
        long quiet = System.nanoTime() - moved;
        if (quiet < pause.toNanos()) {
          Thread.sleep(Duration.ofNanos(pause.toNanos() - quiet));
        } else {
          moved = System.nanoTime();
          says.accept(
              String.format(
                  Locale.ROOT,
                  "%s: %d s so far",
                  stage,
                  (System.nanoTime() - start) / 1_000_000_000));
        }
      }
    } catch (InterruptedException e) {
      return; // the stage has ended
    }
  }
}
