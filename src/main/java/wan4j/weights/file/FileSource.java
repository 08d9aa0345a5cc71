package wan4j.weights.file;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A tensor whose elements lie in row-major order in one range of a file.
public record FileSource(String name, Shape shape, DType dtype, PositionedFile file, long position)
    implements TensorSource {
  @Override
  public void read(long offset, MemorySegment target) {
    Objects.checkFromIndexSize(offset, target.byteSize(), bytes());
    file.read(position + offset, target);
  }
}
