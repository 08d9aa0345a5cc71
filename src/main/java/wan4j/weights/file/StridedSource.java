package wan4j.weights.file;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.SoftReference;
import java.util.Objects;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A tensor whose elements lie in a file with gaps or in another order; it is put in row-major
/// order in memory when it is first read, and forgotten when memory runs short.
final class StridedSource implements TensorSource {
  private static final long LARGEST_SPAN = 4L << 30;

  private final String name;
  private final Shape shape;
  private final DType dtype;
  private final PositionedFile file;
  private final long position;
  private final long first;
  private final long[] strides;
  private SoftReference<MemorySegment> ordered = new SoftReference<>(null);

  /// Creates a source whose storage begins at a position of the file and whose first element and
  /// strides count elements.
  StridedSource(
      String name,
      Shape shape,
      DType dtype,
      PositionedFile file,
      long position,
      long first,
      long[] strides) {
    this.name = name;
    this.shape = shape;
    this.dtype = dtype;
    this.file = file;
    this.position = position;
    this.first = first;
    this.strides = strides.clone();
  }

  StridedSource named(String other) {
    return new StridedSource(other, shape, dtype, file, position, first, strides);
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
    return dtype;
  }

  @Override
  public void read(long offset, MemorySegment target) {
    Objects.checkFromIndexSize(offset, target.byteSize(), bytes());
    MemorySegment.copy(inOrder(), offset, target, 0, target.byteSize());
  }

  private synchronized MemorySegment inOrder() {
    MemorySegment known = ordered.get();
    if (known != null) {
      return known;
    }
    long span = requiredSpan();
    MemorySegment result = Arena.ofAuto().allocate(Math.max(1, bytes()), 8);
    if (shape.count() > 0) {
      gather(result, span);
    }
    ordered = new SoftReference<>(result);
    return result;
  }

  /// Returns how many elements lie between the first and the last; throws `InputException` for more
  /// than can be held.
  private long requiredSpan() {
    long[] sizes = shape.toArray();
    long span = 1;
    for (int i = 0; i < sizes.length; i++) {
      span += Math.max(0, sizes[i] - 1) * strides[i];
    }
    long most = Math.max(span, shape.count());
    if (most > LARGEST_SPAN / dtype.bytes()) {
      throw new InputException(
          "%s holds %s spread over %d elements; expected at most 4 GB: save it again as a contiguous tensor"
              .formatted(file.path(), Quoted.of(name), most));
    }
    return span;
  }

  private void gather(MemorySegment result, long span) {
    long[] sizes = shape.toArray();
    int size = dtype.bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = arena.allocate(span * size, 8);
      file.read(position + first * size, source);
      long[] index = new long[sizes.length];
      long from = 0;
      for (long to = 0; to < shape.count(); to++) {
        MemorySegment.copy(source, from * size, result, to * size, size);
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
          from += strides[axis];
          if (++index[axis] < sizes[axis]) {
            break;
          }
          from -= index[axis] * strides[axis];
          index[axis] = 0;
        }
      }
    }
  }
}
