package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A tensor map: how the copy engine cuts boxes out of a tensor in device memory. Encoded once per
/// plan, it stays valid while the tensor stays where it is.
public final class TensorMap {
  /// The element types of tensor maps that we use, with cuda.h's numbers.
  public enum Element {
    BYTE(0),
    FLOAT32(7),
    BFLOAT16(9);

    final int code;

    Element(int code) {
      this.code = code;
    }
  }

  /// How rows of a box are laid in shared memory, with cuda.h's numbers.
  public enum Swizzle {
    NONE(0),
    BYTES_32(1),
    BYTES_64(2),
    BYTES_128(3);

    final int code;

    Swizzle(int code) {
      this.code = code;
    }
  }

  private static final int PROMOTE_256 = 3; // CU_TENSOR_MAP_L2_PROMOTION_L2_256B

  private final MemorySegment memory = Arena.ofAuto().allocate(CudaLayouts.TENSOR_MAP);

  /// Describes a tensor at `address`: `sizes` of its dimensions in elements, the innermost first;
  /// `strides` in bytes of all but the innermost, multiples of 16; `box` in elements. What lies
  /// outside reads as zero.
  public TensorMap(
      Element type, long address, long[] sizes, long[] strides, int[] box, Swizzle swizzle) {
    if (strides.length != sizes.length - 1 || box.length != sizes.length) {
      throw new IllegalArgumentException(
          "a tensor map of "
              + sizes.length
              + " dimensions needs as many box sizes and one stride less, got "
              + box.length
              + " and "
              + strides.length);
    }
    try (var arena = Arena.ofConfined()) {
      var steps = new int[sizes.length];
      Arrays.fill(steps, 1);
      CudaKernels.encodeTensorMap(
          memory,
          type.code,
          sizes.length,
          address,
          arena.allocateFrom(JAVA_LONG, sizes),
          strides.length == 0 ? MemorySegment.NULL : arena.allocateFrom(JAVA_LONG, strides),
          arena.allocateFrom(JAVA_INT, box),
          arena.allocateFrom(JAVA_INT, steps),
          swizzle.code,
          PROMOTE_256);
    }
  }

  MemorySegment memory() {
    return memory;
  }
}
