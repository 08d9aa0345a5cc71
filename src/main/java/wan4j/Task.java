package wan4j;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import wan4j.model.LatentGrid;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.tensor.InputException;
import wan4j.weights.CheckpointKind;

/// What a model makes video from, with the reference's defaults (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/configs).
@SuppressWarnings("ImmutableEnumChecker") // the lists are unmodifiable, the records hold numbers
public enum Task {
  /// Text to video, two experts of 14 billion parameters.
  T2V_A14B(
      CheckpointKind.T2V,
      WanVae21.STRIDE,
      new Defaults(81, 40, 12, 3, 4, 0.875, 16),
      List.of("720*1280", "1280*720", "480*832", "832*480")),
  /// Image to video, two experts of 14 billion parameters.
  I2V_A14B(
      CheckpointKind.I2V,
      WanVae21.STRIDE,
      new Defaults(81, 40, 5, 3.5, 3.5, 0.9, 16),
      List.of("720*1280", "1280*720", "480*832", "832*480")),
  /// Text, or text and image, to video, one transformer of 5 billion parameters.
  TI2V_5B(
      CheckpointKind.TI2V,
      WanVae22.STRIDE,
      new Defaults(121, 50, 5, 5, 5, 0, 24),
      List.of("704*1280", "1280*704")),
  /// Character animation, one transformer of 17 billion parameters; the frames are those of a clip,
  /// and the driving video decides about rate and length.
  ANIMATE_14B(
      CheckpointKind.ANIMATE,
      WanVae21.STRIDE,
      new Defaults(77, 20, 5, 1, 1, 0, 30),
      List.of("720*1280", "1280*720")),
  /// Speech to video, one transformer of 16 billion parameters; the frames are those that a first
  /// clip of 80 keeps.
  S2V_14B(
      CheckpointKind.S2V,
      WanVae21.STRIDE,
      new Defaults(77, 40, 3, 4.5, 4.5, 0, 16),
      List.of(
          "720*1280",
          "1280*720",
          "480*832",
          "832*480",
          "1024*704",
          "704*1024",
          "704*1280",
          "1280*704"));

  /// The prompt of what a video should not show, which stands for an empty negative prompt of all
  /// tasks but speech to video.
  public static final String NEGATIVE_PROMPT =
      "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
          + "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
          + "杂乱的背景，三条腿，背景人很多，倒着走";

  private static final String ANIMATION_PROMPT = "视频中的人在做动作";
  private static final String SPEECH_NEGATIVE_PROMPT =
      "画面模糊，最差质量，画面模糊，细节模糊不清，情绪激动剧烈，手快速抖动，字幕，丑陋的，残缺的，多余的手指，"
          + "画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，"
          + "三条腿，背景人很多，倒着走";

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
  private final int stride;
  private final Defaults defaults;
  private final List<String> sizes;

  Task(CheckpointKind kind, int stride, Defaults defaults, List<String> sizes) {
    this.kind = kind;
    this.stride = stride;
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
    throw unknown(name);
  }

  /// Says whether this build can do the task of a kind of checkpoint.
  static boolean isKnown(CheckpointKind kind) {
    return Arrays.stream(values()).anyMatch(task -> task.kind == kind);
  }

  private static InputException unknown(String name) {
    return new InputException(
        "task \"%s\" is not one that this build can do; give one of %s".formatted(name, known()));
  }

  private static String known() {
    return Arrays.stream(values()).map(Task::spelling).collect(Collectors.joining(", "));
  }

  /// Returns the task's name on the command line.
  public String spelling() {
    return kind.task();
  }

  /// Returns what a request takes when the user says nothing.
  public Defaults defaults() {
    return defaults;
  }

  /// Returns the prompt of a request that has none, or null where each has one of its own.
  public String usualPrompt() {
    return this == ANIMATE_14B ? ANIMATION_PROMPT : null;
  }

  /// Returns the prompt that stands for an empty negative prompt.
  public String negativePrompt() {
    return this == S2V_14B ? SPEECH_NEGATIVE_PROMPT : NEGATIVE_PROMPT;
  }

  /// Says whether a pair of transformers shares the noise levels.
  public boolean hasTwoExperts() {
    return defaults.boundary() > 0;
  }

  /// Returns the sizes that the model was trained for, as `width*height`.
  public List<String> sizes() {
    return sizes;
  }

  /// Returns the size of a video, `sides` being `width*height` and either null for the task's
  /// usual: the widest that it was trained for; throws `InputException` for a bad one.
  public VideoSize size(String sides, Integer frames) {
    return VideoSize.of(
        sides == null ? usualSides() : sides, frames == null ? defaults.frames() : frames);
  }

  private String usualSides() {
    return sizes.stream().filter(size -> size.startsWith("1280")).findFirst().orElseThrow();
  }

  /// Returns what the sides of a video are multiples of, in pixels.
  public int sideStep() {
    return LatentGrid.sideStep(stride);
  }

  /// Throws `InputException` for a size whose sides whole tokens do not fill.
  public void requireSides(VideoSize size) {
    int step = sideStep();
    if (size.width() % step != 0 || size.height() % step != 0) {
      throw new InputException(
          "size got %s; the sides of a %s video are multiples of %d: try %d*%d"
              .formatted(
                  size.sides(),
                  spelling(),
                  step,
                  Math.max(1, size.width() / step) * step,
                  Math.max(1, size.height() / step) * step));
    }
  }
}
