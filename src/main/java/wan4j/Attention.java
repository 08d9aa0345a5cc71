package wan4j;

import java.util.Arrays;
import java.util.stream.Collectors;
import wan4j.tensor.InputException;

/// How the self-attention of a transformer computes.
public enum Attention {
  /// What the quality figures support: bfloat16.
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
                "got attention \"%s\"; give one of %s".formatted(name, spellings())));
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
