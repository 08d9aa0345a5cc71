package wan4j.weights.file;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A tensor whose file holds its elements with the other sign, as PyTorch's negative bit says.
record NegatedSource(TensorSource source) implements TensorSource {
  private static final byte SIGN = (byte) 0x80;

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public Shape shape() {
    return source.shape();
  }

  @Override
  public DType dtype() {
    return source.dtype();
  }

  /// Says whether elements of a type are negated here: floats, by their sign.
  static boolean isNegatable(DType dtype) {
    return dtype.isFloat();
  }

  @Override
  public void read(long offset, MemorySegment target) {
    source.read(offset, target);
    int width = dtype().bytes();
    // the sign is the highest bit of an element's last byte
    long first = width - 1 - offset % width;
    for (long i = first; i < target.byteSize(); i += width) {
      target.set(ValueLayout.JAVA_BYTE, i, (byte) (target.get(ValueLayout.JAVA_BYTE, i) ^ SIGN));
    }
  }
}
