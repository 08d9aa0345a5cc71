package wan4j;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import wan4j.tensor.InputException;
import wan4j.weights.CheckpointKind;

/// What a model makes video from, with the reference's defaults (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/configs).
@SuppressWarnings("ImmutableEnumChecker") // the lists are unmodifiable, the records hold numbers
public enum Task {
  /// Text to video, two experts of 14 billion parameters.
  T2V_A14B(
      CheckpointKind.T2V,
      new Defaults(81, 40, 12, 3, 4, 0.875, 16),
      List.of("720*1280", "1280*720", "480*832", "832*480")),
  /// Image to video, two experts of 14 billion parameters.
  I2V_A14B(
      CheckpointKind.I2V,
      new Defaults(81, 40, 5, 3.5, 3.5, 0.9, 16),
      List.of("720*1280", "1280*720", "480*832", "832*480")),
  /// Text, or text and image, to video, one transformer of 5 billion parameters.
  TI2V_5B(
      CheckpointKind.TI2V, new Defaults(121, 50, 5, 5, 5, 0, 24), List.of("704*1280", "1280*704"));

  /// The prompt of what a video should not show, which stands for an empty negative prompt.
  public static final String NEGATIVE_PROMPT =
      "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
          + "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
          + "杂乱的背景，三条腿，背景人很多，倒着走";

  /// What a request takes when the user says nothing: frames, steps, shift, guidance of the
  /// low-noise and the high-noise expert, the noise level between them, and frames a second.
  public record Defaults(
      int frames,
      int steps,
      double shift,
      double lowGuidance,
      double highGuidance,
      double boundary,
      int framesPerSecond) {}

  private final CheckpointKind kind;
  private final Defaults defaults;
  private final List<String> sizes;

  Task(CheckpointKind kind, Defaults defaults, List<String> sizes) {
    this.kind = kind;
    this.defaults = defaults;
    this.sizes = sizes;
  }

  /// Returns the task of a name such as `t2v-A14B`; throws `InputException` for one that this build
  /// cannot do.
  public static Task of(String name) {
    for (Task task : values()) {
      if (task.spelling().equalsIgnoreCase(name)) {
        return task;
      }
    }
    throw new InputException(
        "task \"%s\" is not one that this build can do; give one of %s"
            .formatted(
                name,
                Arrays.stream(values()).map(Task::spelling).collect(Collectors.joining(", "))));
  }

  /// Returns the task of a kind of checkpoint, or null for one that this build cannot do.
  static Task of(CheckpointKind kind) {
    for (Task task : values()) {
      if (task.kind == kind) {
        return task;
      }
    }
    return null;
  }

  /// Returns the task's name on the command line.
  public String spelling() {
    return kind.task();
  }

  /// Returns what a request takes when the user says nothing.
  public Defaults defaults() {
    return defaults;
  }

  /// Returns the sizes that the model was trained for, as `width*height`.
  public List<String> sizes() {
    return sizes;
  }

  /// Returns the size that a video has unless another is asked for: the widest of them.
  public String usualSize() {
    return sizes.stream().filter(size -> size.startsWith("1280")).findFirst().orElseThrow();
  }
}
