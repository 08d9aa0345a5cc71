package wan4j.tensor;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/// Host memory whose bytes are made when somebody first looks at them: backends on shapes alone
/// never do.
final class DeferredStorage implements Storage {
  private final long bytes;
  private Supplier<MemorySegment> maker; // null once it has made them
  private MemorySegment segment;

  DeferredStorage(long bytes, Supplier<MemorySegment> maker) {
    this.bytes = bytes;
    this.maker = maker;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public Storage slice(long offset, long length) {
    return new DeferredStorage(length, () -> segment().asSlice(offset, length));
  }

  MemorySegment segment() {
    if (maker != null) {
      segment = maker.get();
      maker = null;
    }
    return segment;
  }
}
