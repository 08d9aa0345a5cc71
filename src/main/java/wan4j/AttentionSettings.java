package wan4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import wan4j.tensor.InputException;

/// How the self-attention of the transformers computes, and which steps and layers keep bfloat16
/// where that has fewer bits.
///
/// @param attention how the others compute
/// @param first how many first steps keep bfloat16
/// @param last how many last steps do
/// @param layers the layers that do in every step, by their indices in ascending order
public record AttentionSettings(Attention attention, int first, int last, List<Integer> layers) {
  /// What the quality figures support, in every step and layer.
  public static final AttentionSettings AUTO = new AttentionSettings(Attention.AUTO);

  private static final Pattern PART = Pattern.compile("(first|last|layers)=([0-9+-]+)");
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,4})(?:-([0-9]{1,4}))?");
  private static final int MOST_STEPS = 1000;

  /// Copies the layers; throws `InputException` for negative numbers.
  public AttentionSettings {
    Objects.requireNonNull(attention, "attention");
    layers = layers.stream().distinct().sorted().toList();
    if (first < 0 || last < 0 || (!layers.isEmpty() && layers.getFirst() < 0)) {
      throw new InputException(
          "got %d first and %d last steps and layers %s in bfloat16; give 0 or more"
              .formatted(first, last, layers));
    }
  }

  /// The same in every step and layer.
  public AttentionSettings(Attention attention) {
    this(attention, 0, 0, List.of());
  }

  /// Returns the settings of an attention by its name and a schedule such as
  /// `first=2,last=1,layers=0+38-39`, null for none; throws `InputException` for others, and for a
  /// schedule where everything is in bfloat16 anyway.
  public static AttentionSettings of(String name, String schedule) {
    Attention attention = Attention.of(name);
    if (schedule == null) {
      return new AttentionSettings(attention);
    }
    if (!attention.isNarrow()) {
      throw new InputException(
          "--attention_schedule was given, but --attention %s has no fewer bits in any step; give int8, fp8, int8qk or int8pv, or leave it out"
              .formatted(name));
    }
    int first = 0;
    int last = 0;
    List<Integer> layers = new ArrayList<>();
    Set<String> said = new HashSet<>();
    for (String part : schedule.split(",", -1)) {
      Matcher matcher = PART.matcher(part);
      if (!matcher.matches() || !said.add(matcher.group(1))) {
        throw wrong(schedule);
      }
      switch (matcher.group(1)) {
        case "first" -> first = steps(schedule, matcher.group(2));
        case "last" -> last = steps(schedule, matcher.group(2));
        default -> layers.addAll(layers(schedule, matcher.group(2)));
      }
    }
    return new AttentionSettings(attention, first, last, layers);
  }

  private static int steps(String schedule, String text) {
    List<Integer> numbers = layers(schedule, text);
    if (numbers.size() != 1 || numbers.getFirst() > MOST_STEPS) {
      throw wrong(schedule);
    }
    return numbers.getFirst();
  }

  private static List<Integer> layers(String schedule, String text) {
    List<Integer> layers = new ArrayList<>();
    for (String range : text.split("\\+", -1)) {
      Matcher matcher = RANGE.matcher(range);
      if (!matcher.matches()) {
        throw wrong(schedule);
      }
      int from = Integer.parseInt(matcher.group(1));
      int to = matcher.group(2) == null ? from : Integer.parseInt(matcher.group(2));
      if (to < from) {
        throw wrong(schedule);
      }
      layers.addAll(IntStream.rangeClosed(from, to).boxed().toList());
    }
    return layers;
  }

  private static InputException wrong(String schedule) {
    return new InputException(
        "--attention_schedule got \"%s\"; give the first and last steps and the layers that keep bf16, such as first=2,last=1,layers=0+38-39"
            .formatted(schedule));
  }

  /// Returns the same steps and layers with another attention.
  public AttentionSettings with(Attention other) {
    return new AttentionSettings(other, first, last, layers);
  }

  /// Returns the settings as the flags spell them.
  public String spelling() {
    List<String> parts = new ArrayList<>();
    if (first > 0) {
      parts.add("first=" + first);
    }
    if (last > 0) {
      parts.add("last=" + last);
    }
    if (!layers.isEmpty()) {
      parts.add("layers=" + layers.stream().map(Object::toString).collect(Collectors.joining("+")));
    }
    String schedule = parts.isEmpty() ? "" : " (bf16: " + String.join(",", parts) + ")";
    return attention.spelling() + schedule;
  }

  /// How the self-attention of a transformer computes.
  public enum Attention {
    /// What the quality figures support: int8 beside FP8 linear layers on a GPU, else bfloat16.
    AUTO("auto"),
    /// bfloat16, or float32 where that is the arithmetic.
    BF16("bf16"),
    /// int8 queries and keys, E4M3 weights and values.
    INT8("int8"),
    /// All E4M3.
    FP8("fp8"),
    /// int8 queries and keys, bfloat16 weights and values.
    INT8QK("int8qk"),
    /// bfloat16 queries and keys, unsigned 8-bit weights and int8 values.
    INT8PV("int8pv"),
    /// bfloat16 by cuDNN, also where wan4j's kernel is faster.
    CUDNN("cudnn");

    private static final String ALIAS = "wan4j"; // of bf16

    private final String spelling;

    Attention(String spelling) {
      this.spelling = spelling;
    }

    /// Returns the attention of a name; throws `InputException` for others.
    public static Attention of(String name) {
      if (name.equals(ALIAS)) {
        return BF16;
      }
      return Arrays.stream(values())
          .filter(attention -> attention.spelling.equals(name))
          .findFirst()
          .orElseThrow(() ->
              new InputException(
                  "--attention got \"%s\"; give one of %s".formatted(name, spellings())));
    }

    private static String spellings() {
      return Arrays.stream(values()).map(Attention::spelling).collect(Collectors.joining(", "));
    }

    /// Says whether it has fewer bits than bfloat16.
    public boolean isNarrow() {
      return switch (this) {
        case AUTO, BF16, CUDNN -> false;
        case INT8, FP8, INT8QK, INT8PV -> true;
      };
    }

    /// Returns the name.
    public String spelling() {
      return spelling;
    }
  }
}
