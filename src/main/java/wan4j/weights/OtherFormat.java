package wan4j.weights;

import java.util.Map;
import java.util.regex.Pattern;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// Formats of weights that are not read, recognised by what a network's files hold and refused by
/// their names.
final class OtherFormat {
  /// A format by tensors that only it has.
  private record Sign(String format, Pattern name) {}

  // in this order: the first ones also have the tensors of later ones
  private static final Sign[] SIGNS = {
    sign("SVDQuant (Nunchaku)", "\\.(wscales|smooth_factor|smooth|proj_down|wtscale)$"),
    sign("GPTQ", "\\.g_idx$"),
    sign("AWQ", "\\.(qweight|qzeros)$"),
    sign("bitsandbytes NF4 or FP4", "\\.(absmax|quant_map|nested_absmax|quant_state\\..+)$"),
    sign("bitsandbytes INT8", "\\.(SCB|weight_format)$"),
    sign("Quanto", "\\.(_data|_scale|_packed|_shift)$"),
    sign("compressed-tensors", "\\.weight_(packed|shape|global_scale)$"),
    sign("GGUF", "\\.(gguf|ggml)_type$"),
  };

  private static final int BLOCK = 32;

  private OtherFormat() {}

  private static Sign sign(String format, String name) {
    return new Sign(format, Pattern.compile(name));
  }

  /// Throws `InputException` when tensors, by original names, `unread` ones of other types or what
  /// is said of the layers' formats tell of a format that is not read.
  static void refuse(
      Map<String, TensorSource> tensors,
      Map<String, String> unread,
      Map<String, String> formats,
      String title) {
    formats.forEach((layer, format) -> {
      if (!format.startsWith("float8_e4m3fn") && !format.startsWith("float8_e5m2")) {
        throw refusal(named(format), layer, title);
      }
    });
    tensors.forEach((name, source) -> {
      String format = format(name, source, tensors, unread);
      if (format != null) {
        throw refusal(format, name, title);
      }
    });
    unread.forEach((name, type) -> {
      if (name.endsWith(".weight") && (type.startsWith("F4") || type.startsWith("float4"))) {
        throw refusal("4-bit floats (" + Quoted.plain(type) + ")", name, title);
      }
    });
  }

  private static String named(String format) {
    if (format.startsWith("int8")) {
      return "INT8";
    }
    return switch (format) {
      case "nvfp4" -> "NVFP4";
      case "mxfp8", "hybrid_mxfp8" -> "MXFP8";
      case "mxfp4" -> "MXFP4";
      default -> "the format " + Quoted.of(format);
    };
  }

  private static String format(
      String name,
      TensorSource source,
      Map<String, TensorSource> tensors,
      Map<String, String> unread) {
    for (Sign sign : SIGNS) {
      if (sign.name.matcher(name).find()) {
        return sign.format;
      }
    }
    if (!name.endsWith(".weight")) {
      return null;
    }
    TensorSource scale = tensors.get(name + "_scale");
    boolean hasSecond = tensors.containsKey(name + "_scale_2");
    boolean isByte = source.dtype() == DType.U8;
    if (isByte && (hasSecond || (scale != null && scale.dtype() == DType.F8_E4M3))) {
      return "NVFP4";
    }
    boolean isCode = source.dtype() == DType.F8_E4M3 || source.dtype() == DType.F8_E5M2;
    String other = unread.getOrDefault(name + "_scale", "");
    boolean isExponent = other.equals("F8_E8M0") || other.equals("float8_e8m0fnu");
    boolean isExponentByte =
        scale != null
            && scale.dtype() == DType.U8
            && scale.shape().count() >= source.shape().count() / BLOCK;
    if (isCode && (isExponent || isExponentByte)) {
      return "MXFP8";
    }
    if (isByte && (isExponent || isExponentByte)) {
      return "MXFP4";
    }
    return source.dtype() == DType.I8 ? "INT8" : null;
  }

  private static InputException refusal(String format, String sign, String title) {
    return new InputException(
        "%s stores weights in %s, as %s shows, which wan4j does not read; expected bf16, fp16, fp32 or FP8 (E4M3, E5M2) with float scales: choose that version of the checkpoint"
            .formatted(title, format, Quoted.of(sign)));
  }
}
