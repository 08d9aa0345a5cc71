package wan4j;

import wan4j.tensor.InputException;

/// In which arithmetic a GPU computes what is not quantised; a processor always takes float32.
public enum Arithmetic {
  /// bfloat16 activations and weights, sums and the residual stream in float32.
  BFLOAT16,
  /// float32, whose products round their operands to TF32 for the tensor cores.
  TF32,
  /// float32 without tensor cores.
  FLOAT32;

  /// Returns what measurements on a device call this arithmetic; a processor always computes in
  /// float32.
  public String spelling(Device device) {
    if (device == Device.CPU) {
      return "fp32";
    }
    return switch (this) {
      case BFLOAT16 -> "bf16";
      case TF32 -> "tf32";
      case FLOAT32 -> "fp32";
    };
  }

  /// Returns the arithmetic of the flags `--precision bf16|fp32` and `--tf32`; throws
  /// `InputException` for others and for bf16 with TF32.
  public static Arithmetic of(String precision, boolean tf32) {
    return switch (precision) {
      case "bf16" -> {
        if (tf32) {
          throw new InputException(
              "--tf32 was given with --precision bf16, but TF32 is a form of float32; add"
                  + " --precision fp32");
        }
        yield BFLOAT16;
      }
      case "fp32" -> tf32 ? TF32 : FLOAT32;
      default ->
          throw new InputException("precision got \"%s\"; give bf16 or fp32".formatted(precision));
    };
  }
}
