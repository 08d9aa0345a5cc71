package wan4j.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.device.Device;
import wan4j.ops.Download;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Copies from device memory on their way to the host through page-locked buffers, which stay for
/// the next ones. Any thread may await one.
final class Downloads implements AutoCloseable {
  private static final long USUAL = 64L << 20; // a piece of 720P has 22 MB
  private static final long SMALLEST = 1L << 20;

  /// A page-locked buffer and the event that says that it is filled.
  private record Slot(MemorySegment pinned, long done) {}

  private final Device device;
  private final List<Slot> free = new ArrayList<>();
  private final List<Slot> all = new ArrayList<>();

  Downloads(Device device) {
    this.device = device;
  }

  /// Begins to copy a tensor that lies at an address; one for which no page-locked memory is to be
  /// had arrives at once.
  Download begin(DType dtype, Shape shape, long address) {
    long bytes = shape.count() * dtype.bytes();
    Slot slot = take(bytes);
    if (slot == null) {
      MemorySegment copy = Arena.ofAuto().allocate(bytes, 64);
      device.copyOut(copy, address);
      device.synchronize();
      Tensor whole = new Tensor(shape, dtype, new HostStorage(copy));
      return () -> whole;
    }
    device.begin();
    if (bytes > 0) {
      device.copyOut(slot.pinned.asSlice(0, bytes), address);
    }
    CudaStreams.record(slot.done, device.stream());
    return () -> {
      device.context().enterBeside();
      CudaStreams.synchronizeEvent(slot.done);
      MemorySegment copy = Arena.ofAuto().allocate(Math.max(bytes, 1), 64).asSlice(0, bytes);
      copy.copyFrom(slot.pinned.asSlice(0, bytes));
      give(slot);
      return new Tensor(shape, dtype, new HostStorage(copy));
    };
  }

  private synchronized void give(Slot slot) {
    free.add(slot);
  }

  /// Returns the smallest free buffer that is large enough, or a new one; null for a very large one
  /// that the system does not lock.
  private synchronized Slot take(long bytes) {
    Slot best = null;
    Slot smaller = null;
    for (Slot slot : free) {
      long size = slot.pinned.byteSize();
      boolean fits = size >= bytes && size <= 2 * Math.max(bytes, USUAL);
      if (fits && (best == null || size < best.pinned.byteSize())) {
        best = slot;
      }
      if (size < bytes && (smaller == null || size > smaller.pinned.byteSize())) {
        smaller = slot;
      }
    }
    if (best != null) {
      free.remove(best);
      return best;
    }
    if (smaller != null) { // it goes, so that no more buffers stay than were under way
      Slot small = smaller;
      free.remove(small);
      all.remove(small);
      device.context().release(() -> release(small));
    }
    Slot slot = make(bytes);
    if (slot != null) {
      all.add(slot);
    }
    return slot;
  }

  private Slot make(long bytes) {
    device.context().enter();
    MemorySegment pinned;
    try {
      pinned = CudaDriver.allocateHost(bytes > USUAL ? bytes : sizeOf(bytes));
    } catch (CudaException e) {
      if (bytes > USUAL && !device.context().isBroken()) {
        return null;
      }
      throw e;
    }
    try {
      return new Slot(pinned, CudaStreams.createEvent());
    } catch (RuntimeException | Error e) {
      CudaDriver.freeHost(pinned);
      throw e;
    }
  }

  private static long sizeOf(long bytes) {
    return Math.max(SMALLEST, Long.highestOneBit(Math.max(bytes, 1)) << 1);
  }

  private static void release(Slot slot) {
    CudaStreams.destroyEvent(slot.done);
    CudaDriver.freeHost(slot.pinned);
  }

  /// Frees the buffers; the device must have done its work.
  @Override
  public synchronized void close() {
    device.context().release(() -> all.forEach(Downloads::release));
  }
}
