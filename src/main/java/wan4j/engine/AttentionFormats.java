package wan4j.engine;

import wan4j.Attention;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;

/// Which format of attention's input a choice of attention asks for.
public final class AttentionFormats {
  private AttentionFormats() {}

  /// Returns the format.
  public static AttentionFormat of(Attention attention) {
    return switch (attention) {
      case AUTO, BF16, CUDNN -> AttentionFormat.Simple.PLAIN;
      case INT8 -> EightBit.INT8;
      case FP8 -> EightBit.FLOAT8;
      case INT8QK -> EightBit.INT8_SCORES;
      case INT8PV -> EightBit.INT8_VALUES;
    };
  }
}
