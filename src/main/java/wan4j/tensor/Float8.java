package wan4j.tensor;

/// Conversion between float32 and the 8-bit floats of Hopper's matrix units, as CUDA's saturating
/// casts and as PyTorch's plain casts on a CPU do it, which saturate for E4M3 since PyTorch 2.13
/// (reference cases fp8/cast).
public final class Float8 {
  /// The largest E4M3 value.
  public static final float MAX_E4M3 = 448f;

  /// The largest finite E5M2 value.
  public static final float MAX_E5M2 = 57344f;

  private static final float[] E4M3 = table(4, 3, 7);
  private static final float[] E5M2 = table(5, 2, 15);

  private Float8() {}

  /// Returns the float32 value of E4M3 bits.
  public static float fromE4m3(byte bits) {
    return E4M3[bits & 0xFF];
  }

  /// Returns the float32 value of E5M2 bits.
  public static float fromE5m2(byte bits) {
    return E5M2[bits & 0xFF];
  }

  /// Returns the nearest E4M3 bits, ties to even; values beyond 448 and infinities saturate, NaN
  /// stays NaN.
  public static byte toE4m3(float value) {
    if (Float.isNaN(value)) {
      return (byte) (sign(value) | 0x7F);
    }
    return (byte) (sign(value) | encode(Math.min(Math.abs(value), MAX_E4M3), 3, 7));
  }

  /// Returns the nearest E5M2 bits, ties to even; values beyond 57344 and infinities saturate, NaN
  /// stays NaN.
  public static byte toE5m2(float value) {
    if (Float.isNaN(value)) {
      return (byte) (sign(value) | 0x7F);
    }
    return (byte) (sign(value) | encode(Math.min(Math.abs(value), MAX_E5M2), 2, 15));
  }

  /// Returns the nearest E5M2 bits as PyTorch's cast to `float8_e5m2` does: values that round
  /// beyond 57344 become infinite.
  public static byte toE5m2Unsaturated(float value) {
    if (Float.isNaN(value)) {
      return (byte) (sign(value) | 0x7F);
    }
    boolean isFinite = Math.abs(value) < 61440f;
    return isFinite ? toE5m2(value) : (byte) (sign(value) | 0x7C);
  }

  private static int sign(float value) {
    return (Float.floatToRawIntBits(value) >>> 24) & 0x80;
  }

  private static int encode(float magnitude, int mantissaBits, int bias) {
    int bits = Float.floatToRawIntBits(magnitude);
    int exponent = (bits >>> 23) - 127;
    int smallest = 1 - bias;
    if (exponent < smallest) {
      // subnormal: a multiple of 2^(smallest - mantissaBits), rounded to even by rint
      return (int) Math.rint(Math.scalb((double) magnitude, mantissaBits - smallest));
    }
    int shift = 23 - mantissaBits;
    int rounded = bits + (1 << (shift - 1)) - 1 + ((bits >>> shift) & 1);
    return (rounded >>> shift) - ((127 - bias) << mantissaBits);
  }

  private static float[] table(int exponentBits, int mantissaBits, int bias) {
    float[] values = new float[256];
    int largest = (1 << exponentBits) - 1;
    for (int i = 0; i < 256; i++) {
      int exponent = (i >> mantissaBits) & largest;
      int mantissa = i & ((1 << mantissaBits) - 1);
      float magnitude =
          exponent == 0
              ? Math.scalb((float) mantissa, 1 - bias - mantissaBits)
              : Math.scalb(1f + Math.scalb((float) mantissa, -mantissaBits), exponent - bias);
      if (mantissaBits == 3 && (i & 0x7F) == 0x7F) {
        magnitude = Float.NaN;
      } else if (mantissaBits == 2 && exponent == largest) {
        magnitude = mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
      }
      values[i] = i < 128 ? magnitude : -magnitude;
    }
    return values;
  }
}
