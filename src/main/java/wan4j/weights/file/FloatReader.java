package wan4j.weights.file;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Elements;
import wan4j.tensor.TensorSource;

/// Reads elements of any type as float32.
public final class FloatReader {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private FloatReader() {}

  /// Returns all elements of a small tensor.
  public static float[] all(TensorSource source) {
    return read(source, 0, Math.toIntExact(source.shape().count()));
  }

  /// Returns `count` elements from element `first` on.
  public static float[] read(TensorSource source, long first, int count) {
    float[] values = new float[count];
    DType dtype = source.dtype();
    if (dtype == DType.F32) {
      source.read(first * 4, MemorySegment.ofArray(values));
      return values;
    }
    MemorySegment bytes = MemorySegment.ofArray(new byte[Math.multiplyExact(count, dtype.bytes())]);
    source.read(first * dtype.bytes(), bytes);
    if (dtype == DType.BF16) {
      for (int i = 0; i < count; i++) {
        values[i] = BFloat16.toFloat(bytes.get(SHORT, i * 2L));
      }
    } else {
      for (int i = 0; i < count; i++) {
        values[i] = Elements.toFloat(bytes, dtype, i);
      }
    }
    return values;
  }
}
