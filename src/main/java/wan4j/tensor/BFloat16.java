package wan4j.tensor;

/// Conversion between float32 and bfloat16, the upper half of a float32.
public final class BFloat16 {
  private BFloat16() {}

  /// Returns the float32 with these bfloat16 bits.
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /// Returns the bfloat16 bits nearest to a value, ties to even, overflow to infinity; NaN stays a
  /// quiet NaN.
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }
}
