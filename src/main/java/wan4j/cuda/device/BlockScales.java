package wan4j.cuda.device;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.tensor.Storage;

/// The inverse scales of 1 x 128 pieces on the device, which cuBLASLt reads block by block:
/// `[blocks, stride]` with a row's scales `stride` numbers apart.
public record BlockScales(DeviceStorage memory, int stride) implements Storage {
  @Override
  public long bytes() {
    return memory.bytes();
  }

  @Override
  public Storage slice(long offset, long length) {
    if (offset == 0 && length == memory.bytes()) {
      return this;
    }
    throw new IllegalArgumentException("block scales lie column by column and have no slices");
  }

  /// Writes the scales of `rows x blocks` pieces row by row, from a copy of the memory.
  public void arrange(MemorySegment copy, long rows, long blocks, MemorySegment target) {
    for (long row = 0; row < rows; row++) {
      for (long block = 0; block < blocks; block++) {
        float scale = copy.getAtIndex(ValueLayout.JAVA_FLOAT, block * stride + row);
        target.setAtIndex(ValueLayout.JAVA_FLOAT, row * blocks + block, scale);
      }
    }
  }
}
