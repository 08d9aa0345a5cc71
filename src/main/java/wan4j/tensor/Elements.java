package wan4j.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Reads and writes single elements of host memory in any element type.
public final class Elements {
  private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  private Elements() {}

  /// Returns element `index` as a float32.
  public static float toFloat(MemorySegment segment, DType dtype, long index) {
    return switch (dtype) {
      case F64 -> (float) segment.get(DOUBLE, index * 8);
      case F32 -> segment.get(FLOAT, index * 4);
      case F16 -> Float.float16ToFloat(segment.get(SHORT, index * 2));
      case BF16 -> BFloat16.toFloat(segment.get(SHORT, index * 2));
      case F8_E4M3 -> Float8.fromE4m3(segment.get(BYTE, index));
      case F8_E5M2 -> Float8.fromE5m2(segment.get(BYTE, index));
      case I64, I32, I16, I8, U8, BOOL -> toLong(segment, dtype, index);
    };
  }

  /// Returns element `index` of an integer type as a long; throws `IllegalStateException` for float
  /// types.
  public static long toLong(MemorySegment segment, DType dtype, long index) {
    return switch (dtype) {
      case I64 -> segment.get(LONG, index * 8);
      case I32 -> segment.get(INT, index * 4);
      case I16 -> segment.get(SHORT, index * 2);
      case I8 -> segment.get(BYTE, index);
      case U8, BOOL -> segment.get(BYTE, index) & 0xFF;
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 ->
          throw new IllegalStateException(dtype + " elements are not integers");
    };
  }

  /// Writes a float32 as element `index` of a float type, rounded to nearest even, FP8 saturating;
  /// throws `IllegalStateException` for integer types.
  public static void setFloat(MemorySegment segment, DType dtype, long index, float value) {
    switch (dtype) {
      case F64 -> segment.set(DOUBLE, index * 8, value);
      case F32 -> segment.set(FLOAT, index * 4, value);
      case F16 -> segment.set(SHORT, index * 2, Float.floatToFloat16(value));
      case BF16 -> segment.set(SHORT, index * 2, BFloat16.fromFloat(value));
      case F8_E4M3 -> segment.set(BYTE, index, Float8.toE4m3(value));
      case F8_E5M2 -> segment.set(BYTE, index, Float8.toE5m2(value));
      case I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalStateException("cannot write a float as " + dtype);
    }
  }
}
