package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.tensor.DType;
import wan4j.tensor.Elements;

/// Reads, writes and converts float elements of host memory by index.
final class Floats {
  /// The layout of a float32 element.
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private Floats() {}

  /// Returns float32 element `index`.
  static float get(MemorySegment segment, long index) {
    return segment.get(FLOAT, index * 4);
  }

  /// Writes float32 element `index`.
  static void set(MemorySegment segment, long index, double value) {
    segment.set(FLOAT, index * 4, (float) value);
  }

  /// Returns int32 element `index`.
  static int integer(MemorySegment segment, long index) {
    return segment.get(INT, index * 4);
  }

  /// Converts `count` elements between float types, each rounded to nearest even.
  static void convert(
      MemorySegment source, DType from, MemorySegment target, DType to, long count) {
    if (from == to) {
      MemorySegment.copy(source, 0, target, 0, count * from.bytes());
    } else if (from == DType.BF16 && to == DType.F32) {
      Vectors.widen(source, target, count);
    } else {
      for (long i = 0; i < count; i++) {
        Elements.setFloat(target, to, i, Elements.toFloat(source, from, i));
      }
    }
  }
}
