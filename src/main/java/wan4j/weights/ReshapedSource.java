package wan4j.weights;

import java.lang.foreign.MemorySegment;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// The same elements as another source in another shape, such as a convolution's weights as those
/// of a linear layer; throws `IllegalArgumentException` when the element counts differ.
public record ReshapedSource(TensorSource source, Shape shape) implements TensorSource {
  /// Checks that both shapes hold the same number of elements.
  public ReshapedSource {
    if (source.shape().count() != shape.count()) {
      throw new IllegalArgumentException(
          "cannot view %s %s as %s: the element counts differ"
              .formatted(source.name(), source.shape(), shape));
    }
  }

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public DType dtype() {
    return source.dtype();
  }

  @Override
  public void read(long offset, MemorySegment target) {
    source.read(offset, target);
  }
}
