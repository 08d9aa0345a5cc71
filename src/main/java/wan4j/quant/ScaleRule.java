package wan4j.quant;

import wan4j.tensor.Float8;

/// How the factor by which values are multiplied before their cast to E4M3 follows from their
/// largest magnitude. A magnitude below `smallest` counts as `smallest`; a factor that exceeds
/// float32 becomes `overflow`; `powerOfTwo` clears the factor's mantissa, which rounds it down.
///
/// Follows NVIDIA/TransformerEngine d0067d0, common/recipe/recipe_common.cuh.
public record ScaleRule(float smallest, boolean powerOfTwo, float overflow) {
  /// The largest finite bfloat16.
  private static final float LARGEST_BFLOAT16 = 0x1.FEp127f;

  /// One scale a tensor or a row: any factor.
  public static final ScaleRule EXACT = new ScaleRule(0f, false, Float.MAX_VALUE);

  /// One scale a block of bfloat16 values: a power of two.
  public static final ScaleRule BLOCK = new ScaleRule(0f, true, LARGEST_BFLOAT16);

  private static final int SIGN_AND_EXPONENT = 0xFF800000;

  /// Returns the factor for a largest magnitude; zero, infinity and NaN give 1.
  public float scale(float largestMagnitude) {
    return scale(largestMagnitude, Float8.MAX_E4M3);
  }

  /// Returns the factor that maps the magnitude to `largestValue` of the 8-bit type.
  public float scale(float largestMagnitude, float largestValue) {
    float magnitude = largestMagnitude < smallest ? smallest : largestMagnitude;
    if (magnitude == 0f || !Float.isFinite(magnitude)) {
      return 1f;
    }
    float scale = largestValue / magnitude;
    if (Float.isInfinite(scale)) {
      scale = overflow;
    }
    return powerOfTwo
        ? Float.intBitsToFloat(Float.floatToRawIntBits(scale) & SIGN_AND_EXPONENT)
        : scale;
  }
}
