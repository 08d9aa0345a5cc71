package wan4j.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import wan4j.verify.VideoComparison;

/// Tells progress as lines, with a bar that moves where the output is a terminal.
final class ConsoleReporter implements Reporter {
  private static final int BAR = 24;

  private final PrintStream out;
  private final boolean isTerminal;
  private long stepsBegan;
  private boolean barIsOpen;

  ConsoleReporter(PrintStream out, boolean isTerminal) {
    this.out = out;
    this.isTerminal = isTerminal;
  }

  @Override
  public void begins(String stage) {
    stepsBegan = System.nanoTime();
  }

  @Override
  public void ends(String stage, Duration time) {
    closeBar();
    out.printf(Locale.ROOT, "%-12s %8.2f s%n", stage, time.toMillis() / 1000.0);
  }

  @Override
  public void stepped(Step step) {
    double elapsed = (System.nanoTime() - stepsBegan) / 1e9;
    double left = elapsed / step.number() * (step.steps() - step.number());
    int filled = BAR * step.number() / step.steps();
    String line =
        String.format(
            Locale.ROOT,
            "step %d/%d [%s%s] %.2f s/step  %s  %s  %s left",
            step.number(),
            step.steps(),
            "#".repeat(filled),
            ".".repeat(BAR - filled),
            step.time().toMillis() / 1000.0,
            step.expert(),
            step.skipped() == 0 ? "computed" : step.skipped() + " skipped",
            clock(left));
    if (isTerminal) {
      out.print("\r\u001b[K" + line);
      barIsOpen = true;
    } else {
      out.println(line);
    }
    out.flush();
  }

  @Override
  public void finished(Path video, long seed, long peakBytes) {
    out.printf(
        Locale.ROOT, "saved %s (seed %d, peak memory %.2f GB)%n", video, seed, peakBytes / 1e9);
  }

  @Override
  public void compared(VideoComparison comparison, Path file) {
    comparison.lines().forEach(out::println);
    out.println("saved " + file);
  }

  @Override
  public void says(String sentence) {
    closeBar();
    out.println(sentence);
  }

  @Override
  public void close() {
    closeBar();
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
