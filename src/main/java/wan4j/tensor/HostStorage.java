package wan4j.tensor;

import java.lang.foreign.MemorySegment;

/// Bytes in the memory of this process, little-endian as in every file format that we read.
public record HostStorage(MemorySegment segment) implements Storage {
  @Override
  public long bytes() {
    return segment.byteSize();
  }

  @Override
  public HostStorage slice(long offset, long bytes) {
    return new HostStorage(segment.asSlice(offset, bytes));
  }
}
