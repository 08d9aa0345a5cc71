package wan4j.demo;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import wan4j.tensor.InputException;

/// What the demo's models do, each with the videos that the demo shows of it by itself.
public enum DemoTask {
  /// Text to video.
  T2V(
      imagined("a red ball moves left"),
      imagined("a large blue square moves down on a gray background"),
      imagined("a small green star moves up on a black background")),
  /// Image to video.
  I2V(given("a yellow star moves right")),
  /// Text, or text and image, to video.
  TI2V(imagined("a purple ring moves up"), given("a yellow star moves right")),
  /// Speech to video.
  S2V(
      given("a yellow face with blue hair talks on a navy background"),
      given("a green face with brown hair sings on a black background"));

  @SuppressWarnings("ImmutableEnumChecker") // of List.of
  private final List<Show> shows;

  DemoTask(Show... shows) {
    this.shows = List.of(shows);
  }

  /// A video of the demo's own.
  ///
  /// @param prompt what it shows
  /// @param isGiven whether the demo gives the model a picture
  public record Show(String prompt, boolean isGiven) {}

  private static Show imagined(String prompt) {
    return new Show(prompt, false);
  }

  private static Show given(String prompt) {
    return new Show(prompt, true);
  }

  /// Returns the task of a name such as `t2v`; throws `InputException` for another.
  public static DemoTask of(String name) {
    for (DemoTask task : values()) {
      if (task.spelling().equals(name)) {
        return task;
      }
    }
    throw new InputException(
        "--task got \"%s\"; give one of %s"
            .formatted(
                name,
                Arrays.stream(values()).map(DemoTask::spelling).collect(Collectors.joining(", "))));
  }

  /// Returns the name on the command line, which is its model's folder too.
  public String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Returns the demo's own videos of this task.
  public List<Show> shows() {
    return shows;
  }

  /// Returns the video of a prompt: with a picture where this task needs one.
  public Show show(String prompt) {
    return new Show(prompt, this == I2V || this == S2V);
  }
}
