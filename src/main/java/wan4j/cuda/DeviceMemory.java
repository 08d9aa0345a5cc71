package wan4j.cuda;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaException;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A stack of tensors in a few big pieces of device memory: opening a scope notes how high the
/// stack is, closing it goes back, and the same forward finds its tensors at the same addresses
/// again, so that nothing is allocated after the first step. Work is in stream order, so what a
/// scope frees may be given out again at once.
final class DeviceMemory implements AutoCloseable {
  /// Alignment of every tensor: what the driver gives, and more than any access needs.
  static final long ALIGNMENT = 256;

  /// Rows that a matrix may be read beyond its last, so that matrix units see a multiple of this.
  static final long ROWS = 16;

  private static final long SMALLEST_CHUNK = 16L << 20;
  private static final long LARGEST_CHUNK = 1L << 30;
  private static final int OUT_OF_MEMORY = 2; // CUDA_ERROR_OUT_OF_MEMORY

  private final long stream;
  private final List<DeviceStorage> chunks = new ArrayList<>();
  private final Deque<Mark> marks = new ArrayDeque<>();
  private int chunk = -1;
  private long offset;
  private long live;
  private long weights;
  private long peak;

  DeviceMemory(long stream) {
    this.stream = stream;
  }

  /// Makes sure that so many bytes can be given out without asking the driver again.
  void reserve(long bytes) {
    long free = chunks.stream().mapToLong(DeviceStorage::bytes).sum();
    if (free < bytes) {
      long missing = bytes - free;
      chunks.add(new DeviceStorage(allocate(missing), missing));
    }
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    Mark mark = new Mark(chunk, offset, live);
    marks.push(mark);
    return () -> release(mark);
  }

  /// Creates a tensor with undefined elements, with room behind the last row of a matrix so that
  /// the rows may count as a multiple of 16.
  Tensor empty(DType dtype, Shape shape) {
    long bytes = shape.count() * dtype.bytes();
    long padded = bytes;
    if (shape.rank() > 1 && shape.count() > 0) {
      // features of videos are matrices of positions, everything else of its first axis
      long rows = shape.rank() < 4 ? shape.size(0) : shape.count() / shape.size(-1);
      padded = Math.ceilDiv(rows, ROWS) * ROWS * (bytes / rows);
    }
    return new Tensor(shape, dtype, take(Math.max(padded, 1)));
  }

  /// Takes a range of bytes in the innermost scope.
  DeviceStorage take(long bytes) {
    long step = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    if (chunk < 0 || offset + step > chunks.get(chunk).bytes()) {
      nextChunk(step);
    }
    DeviceStorage taken = chunks.get(chunk).slice(offset, step);
    offset += step;
    live += step;
    peak = Math.max(peak, live + weights);
    return taken.slice(0, bytes);
  }

  /// Counts bytes of weights that came (or, negative, went).
  void weights(long bytes) {
    weights += bytes;
    peak = Math.max(peak, live + weights);
  }

  /// Returns the bytes of device memory that scopes and weights hold now, used or not.
  long heldBytes() {
    return weights + chunks.stream().mapToLong(DeviceStorage::bytes).sum();
  }

  /// Returns the largest number of bytes in use at once.
  long peakBytes() {
    return peak;
  }

  /// Asks the driver for memory; too little is an `InputException` with the numbers.
  static long allocate(long bytes) {
    try {
      return CudaDriver.allocate(bytes);
    } catch (CudaException e) {
      if (e.code() == OUT_OF_MEMORY) {
        throw new InputException(
            "the GPU has %,d of %,d MiB free and %,d MiB more are needed; choose a smaller size, offload the model, or free the GPU"
                .formatted(
                    CudaDriver.freeMemory() >> 20, CudaDriver.totalMemory() >> 20, bytes >> 20));
      }
      throw e;
    }
  }

  @Override
  public void close() {
    for (DeviceStorage storage : chunks) {
      CudaDriver.free(storage.address());
    }
    chunks.clear();
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
    chunks.add(next, new DeviceStorage(allocate(size), size));
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
    live = mark.live;
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
    private final long live;

    Mark(int chunk, long offset, long live) {
      this.chunk = chunk;
      this.offset = offset;
      this.live = live;
    }
  }
}
