package wan4j.weights;

import java.lang.foreign.MemorySegment;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A tensor that has a name, a shape and a type but no elements, to build full-size networks on
/// shapes alone.
record ShapeOnlySource(String name, Shape shape, DType dtype) implements TensorSource {
  @Override
  public void read(long offset, MemorySegment target) {
    throw new IllegalStateException(
        name + " is known by its shape alone; open a checkpoint to read its elements");
  }
}
