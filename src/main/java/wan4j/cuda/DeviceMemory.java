package wan4j.cuda;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import wan4j.cuda.bind.CudaDriver;
import wan4j.ops.Placement;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A stack of tensors in a few big pieces of device memory: opening a scope notes how high the
/// stack is, closing it goes back, and the same forward finds its tensors at the same addresses
/// again, so that nothing is allocated after the first step. Work is in stream order, so what a
/// scope frees may be given out again at once.
final class DeviceMemory implements AutoCloseable {
  /// Alignment of every tensor: what the driver gives, and more than any access needs.
  static final long ALIGNMENT = Placement.DEVICE.alignment();

  /// Rows that a matrix may be read beyond its last, so that matrix units see a multiple of this.
  static final long ROWS = Placement.DEVICE.rows();

  private static final long SMALLEST_CHUNK = 16L << 20;
  private static final long LARGEST_CHUNK = 1L << 30;

  private final DeviceHeap heap;
  private final long stream;
  private final List<DeviceStorage> chunks = new ArrayList<>();
  private final Deque<Mark> marks = new ArrayDeque<>();
  private int chunk = -1;
  private long offset;

  DeviceMemory(DeviceHeap heap, long stream) {
    this.heap = heap;
    this.stream = stream;
  }

  /// Makes one chunk of so many bytes the whole of this memory, unless a tensor lives in it or it
  /// is as large already; a request whose need is known then leaves no gaps between chunks.
  void reserve(long bytes) {
    boolean isEmpty = chunk < 0 || (chunk == 0 && offset == 0);
    if (isEmpty && (chunks.isEmpty() || chunks.getFirst().bytes() < bytes)) {
      close();
      chunks.add(new DeviceStorage(heap.take(bytes), bytes));
    }
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    Mark mark = new Mark(chunk, offset);
    marks.push(mark);
    return () -> release(mark);
  }

  /// Creates a tensor with undefined elements, with room behind the last row of a matrix so that
  /// the rows may count as a multiple of 16.
  Tensor empty(DType dtype, Shape shape) {
    return new Tensor(shape, dtype, take(Placement.DEVICE.bytes(dtype, shape)));
  }

  /// Takes a range of bytes in the innermost scope.
  DeviceStorage take(long bytes) {
    long step = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    if (chunk < 0 || offset + step > chunks.get(chunk).bytes()) {
      nextChunk(step);
    }
    DeviceStorage taken = chunks.get(chunk).slice(offset, step);
    offset += step;
    return taken.slice(0, bytes);
  }

  @Override
  public void close() {
    for (DeviceStorage storage : chunks) {
      heap.give(storage.address());
    }
    chunks.clear();
    chunk = -1;
  }

  private void nextChunk(long bytes) {
    int next = chunk + 1;
    for (int i = next; i < chunks.size(); i++) {
      if (chunks.get(i).bytes() >= bytes) {
        chunks.add(next, chunks.remove(i));
        begin(next);
        return;
      }
    }
    long grown = Math.min(SMALLEST_CHUNK << Math.min(chunks.size(), 10), LARGEST_CHUNK);
    long size = Math.max(grown, bytes);
    chunks.add(next, new DeviceStorage(heap.take(size), size));
    begin(next);
  }

  private void begin(int next) {
    chunk = next;
    offset = 0;
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
  }

  /// Fills what dies with NaN, so that a test notices a tensor that is used after its scope.
  private boolean poison(Mark mark) {
    for (int i = Math.max(mark.chunk, 0); i <= chunk; i++) {
      DeviceStorage dying = chunks.get(i);
      long from = i == mark.chunk ? mark.offset : 0;
      long to = i == chunk ? offset : dying.bytes();
      if (to > from) {
        CudaDriver.fillBytes(dying.address() + from, 0xFF, to - from, stream);
      }
    }
    return true;
  }

  /// How high the stack was; each is itself alone.
  private static final class Mark {
    private final int chunk;
    private final long offset;

    Mark(int chunk, long offset) {
      this.chunk = chunk;
      this.offset = offset;
    }
  }
}
