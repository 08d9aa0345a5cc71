package wan4j.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.Supplier;

/// A dense, row-major array: a shape, an element type and the storage that holds it.
public final class Tensor {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final int INFINITE_BITS = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

  private final Shape shape;
  private final DType dtype;
  private final Storage storage;

  /// Creates a tensor over storage; throws `IllegalArgumentException` when the storage is too small
  /// for the shape.
  public Tensor(Shape shape, DType dtype, Storage storage) {
    this.shape = Objects.requireNonNull(shape, "shape is null");
    this.dtype = Objects.requireNonNull(dtype, "dtype is null");
    this.storage = Objects.requireNonNull(storage, "storage is null");
    if (storage.bytes() < bytes()) {
      throw new IllegalArgumentException(
          "storage of %d bytes is too small for %s %s, which needs %d"
              .formatted(storage.bytes(), dtype, shape, bytes()));
    }
  }

  /// Creates a float32 host tensor over a copy of the values; throws when their count differs from
  /// the shape's.
  public static Tensor of(float[] values, long... sizes) {
    return onHost(MemorySegment.ofArray(values.clone()), DType.F32, sizes);
  }

  /// Creates an int32 host tensor over a copy of the values; throws when their count differs from
  /// the shape's.
  public static Tensor of(int[] values, long... sizes) {
    return onHost(MemorySegment.ofArray(values.clone()), DType.I32, sizes);
  }

  /// Creates an unsigned byte host tensor over the given array itself; throws when the counts
  /// differ.
  public static Tensor of(byte[] values, long... sizes) {
    return onHost(MemorySegment.ofArray(values), DType.U8, sizes);
  }

  /// Creates a host tensor whose elements `maker` makes, in a tensor of the same type and shape,
  /// when they are first read.
  public static Tensor deferred(DType dtype, Shape shape, Supplier<Tensor> maker) {
    return new Tensor(
        shape,
        dtype,
        new DeferredStorage(
            shape.count() * dtype.bytes(),
            () -> {
              Tensor made = maker.get();
              if (made.dtype() != dtype || !made.shape().equals(shape)) {
                throw new IllegalStateException(
                    "got " + made + ", expected " + dtype + " " + shape);
              }
              return made.segment();
            }));
  }

  /// Creates a host tensor of zeros that takes memory when its elements are first read; nobody may
  /// write to it.
  public static Tensor zeros(DType dtype, Shape shape) {
    return new Tensor(shape, dtype, DeferredStorage.zeros(shape.count() * dtype.bytes()));
  }

  private static Tensor onHost(MemorySegment segment, DType dtype, long[] sizes) {
    Shape shape = Shape.of(sizes);
    if (segment.byteSize() != shape.count() * dtype.bytes()) {
      throw new IllegalArgumentException(
          "%d bytes were given for %s %s, which needs %d"
              .formatted(segment.byteSize(), dtype, shape, shape.count() * dtype.bytes()));
    }
    return new Tensor(shape, dtype, new HostStorage(segment));
  }

  /// Says whether no element of a tensor in host memory is NaN or infinite.
  public boolean isFinite() {
    if (storage instanceof DeferredStorage deferred && deferred.isZero()) {
      return true;
    }
    MemorySegment elements = segment();
    long count = count();
    if (dtype == DType.F32) {
      return areFinite(elements, count);
    }
    for (long i = 0; i < count; i++) {
      if (!Float.isFinite(Elements.toFloat(elements, dtype, i))) {
        return false;
      }
    }
    return true;
  }

  /// Says so of float32, which latents are after every step: the greatest bits without their sign
  /// are those of a finite number, in loops that the JIT makes of vectors.
  private static boolean areFinite(MemorySegment elements, long count) {
    int[] bits = new int[Math.toIntExact(Math.min(count, 1 << 14))];
    int greatest = 0;
    for (long first = 0; first < count; first += bits.length) {
      int length = Math.toIntExact(Math.min(bits.length, count - first));
      MemorySegment.copy(elements, INT, first * Integer.BYTES, bits, 0, length);
      for (int i = 0; i < length; i++) {
        greatest = Math.max(greatest, bits[i] & Integer.MAX_VALUE);
      }
    }
    return greatest < INFINITE_BITS;
  }

  /// Returns the sizes of the axes.
  public Shape shape() {
    return shape;
  }

  /// Returns the element type.
  public DType dtype() {
    return dtype;
  }

  /// Returns the storage; its first byte is the first element.
  public Storage storage() {
    return storage;
  }

  /// Returns the size of an axis as an int; negative axes count from the last.
  public int length(int axis) {
    return shape.length(axis);
  }

  /// Returns the number of elements.
  public long count() {
    return shape.count();
  }

  /// Returns the number of bytes that the elements fill.
  public long bytes() {
    return shape.count() * dtype.bytes();
  }

  /// Returns the same elements in another shape; throws when the element counts differ.
  public Tensor reshape(long... sizes) {
    Shape changed = Shape.of(sizes);
    if (changed.count() != shape.count()) {
      throw new IllegalArgumentException(
          "cannot view %s as %s: %d elements are not %d"
              .formatted(shape, changed, shape.count(), changed.count()));
    }
    return new Tensor(changed, dtype, storage);
  }

  /// Returns `length` entries of the outermost axis from `first` on, sharing the memory; throws
  /// when out of range.
  public Tensor slice(long first, long length) {
    Objects.checkFromIndexSize(first, length, shape.size(0));
    long row = shape.size(0) == 0 ? 0 : bytes() / shape.size(0);
    return new Tensor(shape.with(0, length), dtype, storage.slice(first * row, length * row));
  }

  /// Returns entry `index` of the outermost axis without that axis, sharing the memory.
  public Tensor at(long index) {
    long[] sizes = shape.toArray();
    long[] rest = java.util.Arrays.copyOfRange(sizes, 1, sizes.length);
    return slice(index, 1).reshape(rest);
  }

  /// Returns the host memory of the elements; throws `IllegalStateException` when the tensor is not
  /// on the host.
  public MemorySegment segment() {
    if (storage instanceof HostStorage host) {
      return host.segment().asSlice(0, bytes());
    }
    if (storage instanceof DeferredStorage deferred) {
      return deferred.segment().asSlice(0, bytes());
    }
    throw new IllegalStateException(this + " is not in host memory; download it first");
  }

  /// Returns a copy of a host tensor's elements as float32, whatever float or integer type it has.
  public float[] toFloats() {
    MemorySegment source = segment();
    int count = Math.toIntExact(count());
    float[] values = new float[count];
    switch (dtype) {
      case F32 -> MemorySegment.copy(source, FLOAT, 0, values, 0, count);
      case U8 -> {
        byte[] bytes = source.toArray(BYTE);
        for (int i = 0; i < count; i++) {
          values[i] = bytes[i] & 0xFF;
        }
      }
      case F64, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, BOOL -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.toFloat(source, dtype, i);
        }
      }
    }
    return values;
  }

  /// Returns a copy of a host tensor's elements as int32; throws `ArithmeticException` when an
  /// int64 does not fit and `IllegalStateException` for float types.
  public int[] toInts() {
    MemorySegment source = segment();
    int[] values = new int[Math.toIntExact(count())];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.toIntExact(Elements.toLong(source, dtype, i));
    }
    return values;
  }

  /// Returns the type, shape and kind of storage for messages.
  @Override
  public String toString() {
    return dtype + " " + shape + " (" + storage.getClass().getSimpleName() + ")";
  }
}
