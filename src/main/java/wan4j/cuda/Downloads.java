package wan4j.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.device.Device;
import wan4j.ops.Download;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Copies from device memory on their way to the host through page-locked buffers, which stay for
/// the next ones.
final class Downloads implements AutoCloseable {
  private static final long LARGEST = 64L << 20; // a piece of 720P has 22 MB
  private static final long SMALLEST = 1L << 20;

  /// A page-locked buffer and the event that says that it is filled.
  private record Slot(MemorySegment pinned, long done) {}

  private final Device device;
  private final List<Slot> free = new ArrayList<>();
  private final List<Slot> all = new ArrayList<>();

  Downloads(Device device) {
    this.device = device;
  }

  /// Begins to copy a tensor that lies at an address; a very large one arrives at once.
  Download begin(DType dtype, Shape shape, long address) {
    long bytes = shape.count() * dtype.bytes();
    if (bytes > LARGEST) {
      MemorySegment copy = Arena.ofAuto().allocate(bytes, 64);
      device.copyOut(copy, address);
      device.synchronize();
      Tensor whole = new Tensor(shape, dtype, new HostStorage(copy));
      return () -> whole;
    }
    Slot slot = take(bytes);
    device.begin();
    if (bytes > 0) {
      device.copyOut(slot.pinned.asSlice(0, bytes), address);
    }
    CudaStreams.record(slot.done, device.stream());
    return () -> {
      device.context().enter();
      CudaStreams.synchronizeEvent(slot.done);
      MemorySegment copy = Arena.ofAuto().allocate(Math.max(bytes, 1), 64).asSlice(0, bytes);
      copy.copyFrom(slot.pinned.asSlice(0, bytes));
      free.add(slot);
      return new Tensor(shape, dtype, new HostStorage(copy));
    };
  }

  private Slot take(long bytes) {
    for (Slot slot : free) {
      if (slot.pinned.byteSize() >= bytes) {
        free.remove(slot);
        return slot;
      }
    }
    if (!free.isEmpty()) { // too small: it goes, so that no more buffers stay than were under way
      Slot small = free.removeLast();
      all.remove(small);
      device.context().release(() -> release(small));
    }
    device.context().enter();
    MemorySegment pinned =
        CudaDriver.allocateHost(Math.max(SMALLEST, Long.highestOneBit(Math.max(bytes, 1)) << 1));
    Slot slot;
    try {
      slot = new Slot(pinned, CudaStreams.createEvent());
    } catch (RuntimeException | Error e) {
      CudaDriver.freeHost(pinned);
      throw e;
    }
    all.add(slot);
    return slot;
  }

  private static void release(Slot slot) {
    CudaStreams.destroyEvent(slot.done);
    CudaDriver.freeHost(slot.pinned);
  }

  /// Frees the buffers; the device must have done its work.
  @Override
  public void close() {
    device.context().release(() -> all.forEach(Downloads::release));
  }
}
