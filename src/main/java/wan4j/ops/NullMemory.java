package wan4j.ops;

import java.util.ArrayDeque;
import java.util.Deque;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// Memory that is only counted.
final class NullMemory {
  private final long alignment;
  private final Deque<Long> marks = new ArrayDeque<>();
  private long live;
  private long weights;
  private long peak;

  NullMemory(long alignment) {
    this.alignment = alignment;
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    marks.push(live);
    int depth = marks.size();
    return () -> {
      if (marks.size() != depth) {
        throw new IllegalStateException(
            "a scope was closed before one that was opened after it, or twice; close in reverse"
                + " order");
      }
      live = marks.pop();
    };
  }

  Tensor empty(DType dtype, Shape shape) {
    live += aligned(shape.count() * dtype.bytes());
    peak = Math.max(peak, live + weights);
    return nothing(dtype, shape);
  }

  /// Creates a tensor that lives until `free` is called with what this adds to `bytes`.
  Tensor weight(DType dtype, Shape shape) {
    weights += aligned(shape.count() * dtype.bytes());
    peak = Math.max(peak, live + weights);
    return nothing(dtype, shape);
  }

  void free(long bytes) {
    weights -= bytes;
  }

  long aligned(long bytes) {
    return Math.ceilDiv(bytes, alignment) * alignment;
  }

  long liveBytes() {
    return live + weights;
  }

  long peakBytes() {
    return peak;
  }

  private static Tensor nothing(DType dtype, Shape shape) {
    return new Tensor(shape, dtype, new Nothing(shape.count() * dtype.bytes()));
  }

  /// A range of bytes that are nowhere.
  private record Nothing(long bytes) implements Storage {
    @Override
    public Storage slice(long offset, long length) {
      return new Nothing(length);
    }
  }
}
