package wan4j.ops.backend;

import wan4j.tensor.DType;
import wan4j.tensor.Shape;

/// How a backend rounds tensors up: to a multiple of `alignment` bytes, and matrices to a multiple
/// of `rows` rows.
public record Placement(long alignment, long rows) {
  /// A GPU's: rows in sixteens, so that matrix units see whole tiles without a copy.
  public static final Placement DEVICE = new Placement(256, 16);

  /// Returns the bytes that a tensor takes.
  public long bytes(DType dtype, Shape shape) {
    long bytes = shape.count() * dtype.bytes();
    if (shape.rank() > 1 && shape.count() > 0) {
      // features of videos are matrices of positions, everything else of its first axis
      long first = shape.rank() < 4 ? shape.size(0) : shape.count() / shape.size(-1);
      bytes = Math.ceilDiv(first, rows) * rows * (bytes / first);
    }
    return aligned(Math.max(bytes, 1));
  }

  /// Returns a number of bytes, rounded up.
  public long aligned(long bytes) {
    return Math.ceilDiv(bytes, alignment) * alignment;
  }
}
