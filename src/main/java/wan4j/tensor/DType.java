package wan4j.tensor;

/// The element types of tensors, with their size in bytes and their name in safetensors files.
public enum DType {
  /// 64-bit IEEE float.
  F64(8),
  /// 32-bit IEEE float.
  F32(4),
  /// 16-bit IEEE float.
  F16(2),
  /// 16-bit brain float: the upper half of a 32-bit float.
  BF16(2),
  /// 8-bit float with 4 exponent and 3 mantissa bits, no infinities, largest value 448.
  F8_E4M3(1),
  /// 8-bit float with 5 exponent and 2 mantissa bits, largest finite value 57344.
  F8_E5M2(1),
  /// 64-bit signed integer.
  I64(8),
  /// 32-bit signed integer.
  I32(4),
  /// 16-bit signed integer.
  I16(2),
  /// 8-bit signed integer.
  I8(1),
  /// 8-bit unsigned integer.
  U8(1),
  /// One byte that is 0 or 1.
  BOOL(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /// Returns the size of one element in bytes.
  public int bytes() {
    return bytes;
  }

  /// Says whether the type is a floating-point type of any width.
  public boolean isFloat() {
    return switch (this) {
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
      case I64, I32, I16, I8, U8, BOOL -> false;
    };
  }
}
