package wan4j.cuda.device;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaException;
import wan4j.ops.backend.SlabPacking;
import wan4j.tensor.InputException;

/// What this process takes of a GPU's memory: every range that is asked of the driver, counted as
/// the driver rounds it, and what has become of the free memory since the GPU was opened, in which
/// the libraries' own code and tables show too.
public final class DeviceHeap {
  private final DeviceContext context;
  private final long limit;
  private final long freeAtFirst = CudaDriver.freeMemory();
  private final Map<Long, Long> ranges = new HashMap<>();
  private long leastFree = freeAtFirst;
  private long held;
  private int takes;
  private long peak;

  /// Counts for a context that has just been made; at most `limit` bytes are given out.
  DeviceHeap(DeviceContext context, long limit) {
    this.context = context;
    this.limit = limit;
  }

  /// Takes a range from the driver; too little memory is an `InputException` with the numbers.
  public long take(long bytes) {
    context.enter();
    long granule = SlabPacking.GRANULE;
    long rounded = Math.ceilDiv(bytes, granule) * granule;
    if (held + rounded > limit) {
      throw tooLittle(limit - held, limit, bytes);
    }
    try {
      long address = CudaDriver.allocate(bytes);
      ranges.put(address, rounded);
      held += rounded;
      takes++;
      peak = Math.max(peak, held);
      leastFree = Math.min(leastFree, CudaDriver.freeMemory());
      return address;
    } catch (CudaException e) {
      if (e.isOutOfMemory()) {
        throw tooLittle(CudaDriver.freeMemory(), CudaDriver.totalMemory(), bytes);
      }
      throw e;
    }
  }

  /// Gives a range back; the work that uses it must be done.
  public void give(long address) {
    context.release(() -> {
      context.enter();
      CudaDriver.free(address);
    });
    held -= ranges.remove(address);
  }

  /// Returns the bytes that could still be taken.
  public long available() {
    context.enter();
    return Math.min(CudaDriver.freeMemory(), limit - held);
  }

  /// Returns the bytes that are taken now.
  public long held() {
    return held;
  }

  /// Returns how often a range was taken.
  public int takes() {
    return takes;
  }

  /// Returns the largest number of bytes that were taken at once.
  public long peak() {
    return peak;
  }

  /// Returns by how much the GPU's free memory has fallen at most since it was opened: what was
  /// taken here and by the libraries, and by other processes if there are any.
  public long driverPeak() {
    context.enter();
    leastFree = Math.min(leastFree, CudaDriver.freeMemory());
    return freeAtFirst - leastFree;
  }

  private static InputException tooLittle(long free, long total, long bytes) {
    return new InputException(
        "the GPU has %,d of %,d MiB free and %,d MiB more are needed; choose a smaller size, offload the model, or free the GPU"
            .formatted(free >> 20, total >> 20, Math.ceilDiv(bytes, 1L << 20)));
  }
}
