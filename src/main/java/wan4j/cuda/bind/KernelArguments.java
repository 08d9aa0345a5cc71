package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// The arguments of one launch, in the kernel's order. A launch copies them, so an instance can be
/// reused: [#clear], add, launch. Not thread-safe.
public final class KernelArguments {
  private static final int MOST = 64;
  private static final long ALIGNMENT = CudaLayouts.TENSOR_MAP.byteAlignment();
  private static final int BYTES = 4096; // what the driver lets a launch pass

  private final MemorySegment values = Arena.ofAuto().allocate(BYTES, ALIGNMENT);
  private final MemorySegment pointers = Arena.ofAuto().allocate(JAVA_LONG, MOST);
  private int count;
  private long used;

  /// An empty list.
  public KernelArguments() {}

  /// Empties the list.
  public KernelArguments clear() {
    count = 0;
    used = 0;
    return this;
  }

  /// Adds a device address, or any integer of eight bytes.
  public KernelArguments add(long value) {
    values.set(JAVA_LONG, take(8, 8), value);
    return this;
  }

  /// Adds an integer of four bytes.
  public KernelArguments add(int value) {
    values.set(JAVA_INT, take(4, 4), value);
    return this;
  }

  /// Adds a float.
  public KernelArguments add(float value) {
    values.set(JAVA_FLOAT, take(4, 4), value);
    return this;
  }

  /// Adds a tensor map, by value (`const __grid_constant__` in the kernel).
  public KernelArguments add(TensorMap map) {
    var bytes = CudaLayouts.TENSOR_MAP.byteSize();
    MemorySegment.copy(map.memory(), 0, values, take(bytes, ALIGNMENT), bytes);
    return this;
  }

  MemorySegment pointers() {
    return pointers;
  }

  private long take(long bytes, long alignment) {
    var start = (used + alignment - 1) & -alignment;
    if (count == MOST || start + bytes > BYTES) {
      throw new IllegalStateException(
          "a kernel takes at most " + MOST + " arguments in " + BYTES + " bytes");
    }
    pointers.setAtIndex(JAVA_LONG, count++, values.address() + start);
    used = start + bytes;
    return start;
  }
}
