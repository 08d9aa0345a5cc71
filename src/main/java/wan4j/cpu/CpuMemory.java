package wan4j.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A stack of tensors in a few big pieces of native memory: opening a scope notes how high the
/// stack is, closing it goes back, and the same forward finds its tensors at the same addresses
/// again.
final class CpuMemory implements AutoCloseable {
  private static final long ALIGNMENT = 64; // a cache line, and the widest vector
  private static final long SMALLEST_CHUNK = 4L << 20;
  private static final long LARGEST_CHUNK = 512L << 20;

  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> chunks = new ArrayList<>();
  private final Deque<Mark> marks = new ArrayDeque<>();
  private int chunk = -1;
  private long offset;
  private long live;
  private long weights;
  private long peak;

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    Mark mark = new Mark(chunk, offset, live);
    marks.push(mark);
    return () -> release(mark);
  }

  /// Creates a tensor with undefined elements.
  Tensor empty(DType dtype, Shape shape) {
    long bytes = shape.count() * dtype.bytes();
    MemorySegment segment = take(Math.ceilDiv(Math.max(bytes, 1), ALIGNMENT) * ALIGNMENT);
    return new Tensor(shape, dtype, new HostStorage(segment.asSlice(0, bytes)));
  }

  /// Counts bytes of weights that came (or, negative, went).
  void weights(long bytes) {
    weights += bytes;
    peak = Math.max(peak, live + weights);
  }

  /// Returns the largest number of bytes in use at once.
  long peakBytes() {
    return peak;
  }

  @Override
  public void close() {
    arena.close();
  }

  private MemorySegment take(long bytes) {
    if (chunk < 0 || offset + bytes > chunks.get(chunk).byteSize()) {
      nextChunk(bytes);
    }
    MemorySegment taken = chunks.get(chunk).asSlice(offset, bytes);
    offset += bytes;
    live += bytes;
    peak = Math.max(peak, live + weights);
    return taken;
  }

  private void nextChunk(long bytes) {
    chunk++;
    offset = 0;
    for (int i = chunk; i < chunks.size(); i++) {
      if (chunks.get(i).byteSize() >= bytes) {
        MemorySegment fitting = chunks.remove(i);
        chunks.add(chunk, fitting);
        return;
      }
    }
    long grown = Math.min(SMALLEST_CHUNK << Math.min(chunks.size(), 10), LARGEST_CHUNK);
    chunks.add(chunk, arena.allocate(Math.max(grown, bytes), ALIGNMENT));
  }

  private void release(Mark mark) {
    if (marks.peek() != mark) {
      throw new IllegalStateException(
          "a scope was closed before one that was opened after it, or twice; close in reverse"
              + " order");
    }
    marks.pop();
    assert poison(mark);
    chunk = mark.chunk;
    offset = mark.offset;
    live = mark.live;
  }

  /// Fills what dies with NaN, so that a test notices a tensor that is used after its scope.
  private boolean poison(Mark mark) {
    for (int i = Math.max(mark.chunk, 0); i <= chunk; i++) {
      MemorySegment dying = chunks.get(i);
      long from = i == mark.chunk ? mark.offset : 0;
      long to = i == chunk ? offset : dying.byteSize();
      dying.asSlice(from, to - from).fill((byte) 0xFF);
    }
    return true;
  }

  private static final class Mark {
    private final int chunk;
    private final long offset;
    private final long live;

    Mark(int chunk, long offset, long live) {
      this.chunk = chunk;
      this.offset = offset;
      this.live = live;
    }
  }
}
