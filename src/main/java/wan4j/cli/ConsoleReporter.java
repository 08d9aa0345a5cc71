package wan4j.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import wan4j.verify.VideoComparison;

/// Tells progress as lines, with a bar that moves where the output is a terminal; elsewhere at most
/// ten of the steps have a line. A long stage without steps says now and then that it goes on.
final class ConsoleReporter implements Reporter {
  private static final int BAR = 24;
  private static final int LINES = 10; // of steps, off a terminal
  private static final Duration QUIET = Duration.ofSeconds(30);

  private final PrintStream out;
  private final boolean isTerminal;
  private final SignOfLife life;
  private long
      firstEnded; // the first step loads networks and compiles, so it tells nothing of others
  private int first; // the number of the first step of this run, 0 before it
  private int forwards; // of the stage
  private int skipped;
  private boolean barIsOpen;
  private long firstClip; // when it began

  ConsoleReporter(PrintStream out, boolean isTerminal) {
    this.out = out;
    this.isTerminal = isTerminal;
    life = new SignOfLife(QUIET, this::goesOn);
  }

  @Override
  public synchronized void begins(String stage) {
    life.begins(stage);
  }

  @Override
  public synchronized void ends(String stage, Duration time) {
    life.ends();
    closeBar();
    if (skipped > 0) {
      out.printf("%d of %d forwards computed%n", forwards - skipped, forwards);
    }
    forwards = 0;
    skipped = 0;
    out.printf(Locale.ROOT, "%-12s %8.2f s%n", stage, time.toMillis() / 1000.0);
  }

  @Override
  public synchronized void clip(int number, int clips) {
    if (number == 1) {
      firstClip = System.nanoTime();
    }
    double seconds = (System.nanoTime() - firstClip) / 1e9;
    says(
        number == 1
            ? "clip 1/%d".formatted(clips)
            : "clip %d/%d, %s left"
                .formatted(number, clips, clock(seconds / (number - 1) * (clips - number + 1))));
  }

  @Override
  public synchronized void stepped(Step step) {
    life.moves();
    forwards += step.forwards();
    skipped += step.skipped();
    if (first == 0 || step.number() < first) {
      first = step.number();
    }
    if (step.number() == first) {
      firstEnded = System.nanoTime();
    }
    if (!isTerminal && !isTold(step.number(), step.steps())) {
      return;
    }
    int filled = BAR * step.number() / step.steps();
    String line =
        String.format(
            Locale.ROOT,
            "step %d/%d [%s%s] %.2f s/step  %s  %s%s  %s",
            step.number(),
            step.steps(),
            "#".repeat(filled),
            ".".repeat(BAR - filled),
            step.time().toMillis() / 1000.0,
            step.expert(),
            step.skipped() == 0 ? "computed" : step.skipped() + " skipped",
            step.peakBytes() == 0
                ? ""
                : String.format(Locale.ROOT, "  %.2f GB", step.peakBytes() / 1e9),
            left(step));
    if (isTerminal) {
      out.print("\r\u001b[K" + line);
      barIsOpen = true;
    } else {
      out.println(line);
    }
    out.flush();
  }

  @Override
  public synchronized void finished(Path video, long seed, long peakBytes) {
    out.printf(
        Locale.ROOT,
        "saved %s (seed %s, at most %.2f GB of weights and tensors at once)%n",
        Sentence.of(video.toString()),
        Long.toUnsignedString(seed),
        peakBytes / 1e9);
  }

  @Override
  public synchronized void compared(VideoComparison comparison, Path file) {
    comparison.lines().forEach(out::println);
    out.println("saved " + Sentence.of(file.toString()));
  }

  @Override
  public synchronized void says(String sentence) {
    closeBar();
    out.println(Sentence.of(sentence));
  }

  @Override
  public synchronized void close() {
    life.ends();
    closeBar();
  }

  /// Says that a stage goes on, unless it has ended in the meantime.
  private synchronized void goesOn(String sentence) {
    if (!Thread.currentThread().isInterrupted()) {
      says(sentence);
    }
  }

  /// Says whether a step has a line where there is no terminal.
  static boolean isTold(int step, int steps) {
    return step == steps || step * LINES / steps > (step - 1) * LINES / steps;
  }

  /// Returns what is left by the mean of the steps after the first, or by the first alone.
  private String left(Step step) {
    int remaining = step.steps() - step.number();
    if (remaining == 0) {
      return "last step";
    }
    double seconds =
        step.number() == first
            ? step.time().toNanos() / 1e9
            : (System.nanoTime() - firstEnded) / 1e9 / (step.number() - first);
    return (step.number() == first ? "at most " : "") + clock(seconds * remaining) + " left";
  }

  private void closeBar() {
    if (barIsOpen) {
      out.println();
      barIsOpen = false;
    }
  }

  private static String clock(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }
}
