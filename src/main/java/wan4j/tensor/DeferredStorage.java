package wan4j.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/// Host memory whose bytes are made when somebody first looks at them: backends on shapes alone
/// never do.
final class DeferredStorage implements Storage {
  private final long bytes;
  private final boolean isZero;
  private Supplier<MemorySegment> maker; // null once it has made them
  private MemorySegment segment;

  DeferredStorage(long bytes, Supplier<MemorySegment> maker) {
    this(bytes, maker, false);
  }

  private DeferredStorage(long bytes, Supplier<MemorySegment> maker, boolean isZero) {
    this.bytes = bytes;
    this.maker = maker;
    this.isZero = isZero;
  }

  /// Creates zeros, which nobody may write to.
  static DeferredStorage zeros(long bytes) {
    return new DeferredStorage(bytes, () -> allocate(bytes), true);
  }

  private static MemorySegment allocate(long bytes) {
    return Arena.ofAuto().allocate(Math.max(bytes, 1)).asSlice(0, bytes).asReadOnly();
  }

  /// Says whether all bytes are known to be zero without looking.
  boolean isZero() {
    return isZero;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public Storage slice(long offset, long length) {
    return new DeferredStorage(length, () -> segment().asSlice(offset, length));
  }

  synchronized MemorySegment segment() {
    if (maker != null) {
      segment = maker.get();
      maker = null;
    }
    return segment;
  }
}
