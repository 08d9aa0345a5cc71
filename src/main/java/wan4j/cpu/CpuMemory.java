package wan4j.cpu;

import java.lang.foreign.Arena;
import wan4j.ops.Scope;
import wan4j.ops.backend.OneThread;
import wan4j.ops.backend.StorageStack;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// A stack of tensors in native memory.
final class CpuMemory implements AutoCloseable {
  private static final long ALIGNMENT = 64; // a cache line, and the widest vector
  private static final long SMALLEST_CHUNK = 4L << 20;
  private static final long LARGEST_CHUNK = 512L << 20;

  private final Arena arena = Arena.ofShared();
  private final StorageStack stack =
      new StorageStack(
          SMALLEST_CHUNK,
          LARGEST_CHUNK,
          bytes -> new HostStorage(arena.allocate(bytes, ALIGNMENT)),
          CpuMemory::poison);
  private final OneThread user = new OneThread();
  private long weights;
  private long peak;

  /// Makes the calling thread the one that uses this memory from now on.
  void claim() {
    user.claim();
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  Scope scope() {
    user.require();
    return stack.scope();
  }

  /// Creates a tensor with undefined elements.
  Tensor empty(DType dtype, Shape shape) {
    user.require();
    long bytes = shape.count() * dtype.bytes();
    Storage taken = stack.take(Math.ceilDiv(Math.max(bytes, 1), ALIGNMENT) * ALIGNMENT);
    peak = Math.max(peak, stack.height() + weights);
    return new Tensor(shape, dtype, taken.slice(0, bytes));
  }

  /// Counts bytes of weights that came (or, negative, went).
  void weights(long bytes) {
    weights += bytes;
    peak = Math.max(peak, stack.height() + weights);
  }

  /// Returns the largest number of bytes in use at once.
  long peakBytes() {
    return peak;
  }

  @Override
  public void close() {
    arena.close();
  }

  /// Fills freed tensors with NaN, so that a test notices one that is used after its scope.
  private static void poison(Storage dying) {
    if (dying instanceof HostStorage host) {
      host.segment().fill((byte) 0xFF);
    }
  }
}
