package wan4j.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/// The sizes of a tensor's axes, outermost first; a scalar has none.
public final class Shape {
  private final long[] sizes;

  private Shape(long[] sizes) {
    this.sizes = sizes;
  }

  /// Creates a shape; throws `IllegalArgumentException` when a size is negative or the product
  /// exceeds a long.
  public static Shape of(long... sizes) {
    long count = 1;
    for (long size : sizes) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(sizes) + " has a negative size; sizes must be 0 or more");
      }
      count = Math.multiplyExact(count, size);
    }
    return new Shape(sizes.clone());
  }

  /// Returns the number of axes.
  public int rank() {
    return sizes.length;
  }

  /// Returns the size of an axis; negative axes count from the last, -1 being the last.
  public long size(int axis) {
    return sizes[axis < 0 ? sizes.length + axis : axis];
  }

  /// Returns the size of an axis as an int; throws `ArithmeticException` when it does not fit.
  public int length(int axis) {
    return Math.toIntExact(size(axis));
  }

  /// Returns the number of elements.
  public long count() {
    long count = 1;
    for (long size : sizes) {
      count *= size;
    }
    return count;
  }

  /// Returns a copy of the sizes.
  public long[] toArray() {
    return sizes.clone();
  }

  /// Returns this shape with one axis replaced.
  public Shape with(int axis, long size) {
    long[] changed = sizes.clone();
    changed[axis < 0 ? sizes.length + axis : axis] = size;
    return Shape.of(changed);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(sizes, shape.sizes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes);
  }

  /// Returns the sizes as `[2, 3, 4]`.
  @Override
  public String toString() {
    return Arrays.stream(sizes)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }
}
