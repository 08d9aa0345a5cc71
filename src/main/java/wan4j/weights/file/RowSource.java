package wan4j.weights.file;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import wan4j.tensor.Shape;

/// The rows of a float32 tensor that is computed while it is read, on all processors.
public final class RowSource {
  private static final int BATCH = 1 << 20; // elements computed before they are copied out

  private RowSource() {}

  /// Returns the length of a row: what lies under one index of the outermost of two or more axes.
  public static int rowLength(Shape shape) {
    return Math.toIntExact(
        shape.rank() < 2 ? shape.count() : shape.count() / Math.max(1, shape.size(0)));
  }

  /// Fills a target from byte `offset` on with rows of `length` elements; throws
  /// `IndexOutOfBoundsException` beyond `bytes`.
  public static void read(
      long offset, MemorySegment target, long bytes, int length, IntFunction<float[]> row) {
    Objects.checkFromIndexSize(offset, target.byteSize(), bytes);
    if (target.byteSize() == 0) {
      return;
    }
    int first = (int) (offset / 4 / length);
    int last = (int) ((offset + target.byteSize() - 1) / 4 / length);
    int batch = Math.max(1, BATCH / length);
    for (int start = first; start <= last; start += batch) {
      int from = start;
      // a native target may belong to the calling thread alone, so rows are computed apart and
      // copied here
      float[][] rows =
          IntStream.range(0, Math.min(batch, last + 1 - start))
              .parallel()
              .mapToObj(i -> row.apply(from + i))
              .toArray(float[][]::new);
      for (int i = 0; i < rows.length; i++) {
        long rowStart = (long) (start + i) * length * 4;
        long begin = Math.max(offset, rowStart);
        long end = Math.min(offset + target.byteSize(), rowStart + length * 4L);
        MemorySegment.copy(
            MemorySegment.ofArray(rows[i]), begin - rowStart, target, begin - offset, end - begin);
      }
    }
  }
}
