package wan4j;

import wan4j.tensor.DType;
import wan4j.tensor.InputException;

/// In which arithmetic a GPU computes what is not quantised; a processor always takes float32.
public enum Arithmetic {
  /// bfloat16 activations and weights, sums and the residual stream in float32.
  BFLOAT16,
  /// The same with the residual stream in bfloat16 too, to measure what that saves and loses.
  BFLOAT16_RESIDUAL,
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
      case BFLOAT16, BFLOAT16_RESIDUAL -> "bf16";
      case TF32 -> "tf32";
      case FLOAT32 -> "fp32";
    };
  }

  /// Returns the element type of the residual stream on a device.
  public DType residual(Device device) {
    return device == Device.CUDA && this == BFLOAT16_RESIDUAL ? DType.BF16 : DType.F32;
  }

  /// Returns what measurements on a device call the residual stream's element type.
  public String residualSpelling(Device device) {
    return residual(device) == DType.BF16 ? "bf16" : "fp32";
  }

  /// Returns this arithmetic with the residual stream of the flag `--residual bf16|fp32` on a
  /// device; throws `InputException` for others, and for bf16 where nothing else is computed in it.
  public Arithmetic withResidual(String residual, Device device) {
    return switch (residual) {
      case "fp32" -> this;
      case "bf16" -> {
        if (device != Device.CUDA || this != BFLOAT16) {
          throw new InputException(
              "--residual bf16 was given with --device %s and --precision %s, but only a GPU in bf16 has such a residual stream; give --device cuda and --precision bf16"
                  .formatted(device.spelling(), spelling(device)));
        }
        yield BFLOAT16_RESIDUAL;
      }
      default ->
          throw new InputException("--residual got \"%s\"; give bf16 or fp32".formatted(residual));
    };
  }

  /// Returns the arithmetic of the flags `--precision bf16|fp32`, null where it was not given, and
  /// `--tf32` on a device; throws `InputException` for others, for bf16 with TF32, and on a
  /// processor for all but float32.
  ///
  /// @param absence why there is no GPU, where the processor was not asked for but has to do, or
  ///   null
  public static Arithmetic of(String precision, boolean tf32, Device device, String absence) {
    if (device == Device.CUDA) {
      return of(precision == null ? "bf16" : precision, tf32);
    }
    if (precision != null) {
      of(precision, tf32);
    }
    if (tf32) {
      throw notOnProcessors("--tf32", absence);
    }
    if ("bf16".equals(precision)) {
      throw notOnProcessors("--precision bf16", absence);
    }
    return FLOAT32;
  }

  private static InputException notOnProcessors(String flag, String absence) {
    return new InputException(
        absence == null
            ? "%s was given, but the CPU computes in fp32 alone; leave it out, or give --device cuda"
                .formatted(flag)
            : "%s was given, but the CPU, which computes in fp32 alone, has to do here (%s); leave it out, or give this machine a GPU"
                .formatted(flag, absence));
  }

  private static Arithmetic of(String precision, boolean tf32) {
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
