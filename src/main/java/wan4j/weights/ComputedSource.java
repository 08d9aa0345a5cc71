package wan4j.weights;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Supplier;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A float32 tensor that is computed from others when it is first read, such as a weight that a
/// checkpoint stores in two factors.
public final class ComputedSource implements TensorSource {
  private final String name;
  private final Shape shape;
  private final Supplier<float[]> computation;
  private MemorySegment values;

  /// Creates a source under a name whose elements the computation gives, in row-major order and as
  /// many as the shape has.
  public ComputedSource(String name, Shape shape, Supplier<float[]> computation) {
    this.name = name;
    this.shape = shape;
    this.computation = computation;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Shape shape() {
    return shape;
  }

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public void read(long offset, MemorySegment target) {
    Objects.checkFromIndexSize(offset, target.byteSize(), bytes());
    MemorySegment.copy(values(), offset, target, 0, target.byteSize());
  }

  private synchronized MemorySegment values() {
    if (values == null) {
      float[] computed = computation.get();
      if (computed.length != shape.count()) {
        throw new IllegalStateException(
            "%s was computed with %d elements, expected %s"
                .formatted(name, computed.length, shape));
      }
      values = MemorySegment.ofArray(computed);
    }
    return values;
  }
}
