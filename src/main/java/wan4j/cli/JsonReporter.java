package wan4j.cli;

import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import wan4j.verify.VideoComparison;

/// Tells events as JSON objects, one a line.
///
/// @param out takes the lines
/// @param device which of several devices the events are of, or null
record JsonReporter(PrintStream out, String device) implements Reporter {
  @Override
  public void begins(String stage) {
    tell("begin", "stage", stage);
  }

  @Override
  public void ends(String stage, Duration time) {
    tell("end", "stage", stage, "seconds", seconds(time));
  }

  @Override
  public void clip(int number, int clips) {
    tell("clip", "clip", number, "clips", clips);
  }

  @Override
  public void stepped(Step step) {
    tell(
        "step",
        "step",
        step.number(),
        "steps",
        step.steps(),
        "expert",
        step.expert(),
        "forwards",
        step.forwards(),
        "skipped",
        step.skipped(),
        "seconds",
        seconds(step.time()));
  }

  @Override
  public void finished(Path video, long seed, long peakBytes) {
    tell("saved", "file", video.toString(), "seed", unsigned(seed), "peak_bytes", peakBytes);
  }

  @Override
  public void compared(VideoComparison comparison, Path file) {
    tell("compared", "file", file.toString(), "comparison", comparison.fields());
  }

  @Override
  public void says(String sentence) {
    tell("note", "text", sentence);
  }

  @Override
  public void close() {
    out.flush();
  }

  private void tell(String event, Object... namesAndValues) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("event", event);
    if (device != null) {
      fields.put("device", device);
    }
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.put((String) namesAndValues[i], finite(namesAndValues[i + 1]));
    }
    out.println(JsonMapper.shared().writeValueAsString(fields));
    out.flush();
  }

  /// JSON has no NaN and no infinity: they are null.
  static Object finite(Object value) {
    return value instanceof Double number && !Double.isFinite(number) ? null : value;
  }

  /// Returns a number of 64 bits without a sign.
  static BigInteger unsigned(long bits) {
    return new BigInteger(Long.toUnsignedString(bits));
  }

  private static double seconds(Duration time) {
    return time.toMillis() / 1000.0;
  }
}
