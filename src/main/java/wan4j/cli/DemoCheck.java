package wan4j.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import wan4j.VideoEngine;
import wan4j.demo.DemoTask;
import wan4j.demo.PromptCheck;
import wan4j.demo.ShapeCheck;
import wan4j.demo.SpeechCheck;

/// Prints whether the videos of a demo's model show what they should: a line for each, and the
/// shares of all.
final class DemoCheck {
  private DemoCheck() {}

  /// Makes and looks at the videos of so many prompts of a task, from a seed on.
  static void run(VideoEngine engine, DemoTask task, int count, long seed, PrintStream out) {
    if (task == DemoTask.S2V) {
      speech(engine, count, seed, out);
    } else {
      prompts(engine, task, count, seed, out);
    }
  }

  private static void prompts(
      VideoEngine engine, DemoTask task, int count, long seed, PrintStream out) {
    List<PromptCheck> checks =
        PromptCheck.run(engine, task, count, seed, result -> out.println(line(result)));
    out.printf(
        Locale.ROOT,
        "of %d prompts %.1f %% show the colour, %.1f %% move it as they say, %.1f %% show the"
            + " shape%n",
        count,
        PromptCheck.percent(checks, PromptCheck::showsColor),
        PromptCheck.percent(checks, PromptCheck::showsMotion),
        PromptCheck.percent(checks, PromptCheck::showsShape));
  }

  private static void speech(VideoEngine engine, int count, long seed, PrintStream out) {
    List<SpeechCheck> checks =
        SpeechCheck.run(engine, count, seed, result -> out.println(line(result)));
    out.println(summary(checks));
  }

  /// Says what the checks of speech come to.
  static String summary(List<SpeechCheck> checks) {
    double[] correlations = SpeechCheck.correlations(checks);
    return String.format(
        Locale.ROOT,
        "of %d faces the mouth's opening and the loudness correlate by %.2f in the median, %.2f at"
            + " least",
        checks.size(),
        SpeechCheck.median(correlations),
        correlations[0]);
  }

  /// Says what a check of speech found.
  static String line(SpeechCheck result) {
    return String.format(
        Locale.ROOT,
        "%s  mouth and loudness correlate by %5.2f  %s",
        result.mouth().passes() ? "PASS" : "FAIL",
        result.mouth().correlation(),
        result.prompt());
  }

  private static String line(PromptCheck result) {
    ShapeCheck shape = result.shape();
    return String.format(
        Locale.ROOT,
        "%s  %4.1f %% %s, moves %5.2f along and %4.2f across, looks like %s in %3.0f %% of the"
            + " frames  %s",
        result.showsMotion() && result.showsShape() ? "PASS" : "FAIL",
        100 * result.motion().coverage(),
        word(result.prompt().color()),
        result.motion().along(),
        result.motion().across(),
        shape.seen() == null ? "nothing" : "a " + word(shape.seen()),
        100 * shape.share(),
        result.prompt().text());
  }

  private static String word(Enum<?> name) {
    return name.name().toLowerCase(Locale.ROOT);
  }
}
