package wan4j.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Elements;
import wan4j.tensor.Float8;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Turns host matrices into E4M3 and back, element by element: the reference for every backend's
/// kernels. Values are multiplied by their scale in float32 and cast with saturation; NaN stays
/// NaN, infinities become ±448; the largest magnitude ignores NaN.
///
/// Follows NVIDIA/TransformerEngine d0067d0, common/cast/fp8/quantize_fp8.cuh and
/// common/transpose/quantize_transpose_{vector,square}_blockwise.cu.
public final class Float8Quantizer {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Float8Quantizer() {}

  /// Quantises a float `matrix [rows, columns]` (further axes count as columns), each group of the
  /// granularity with the scale that the rule gives it.
  public static Float8Matrix quantize(Tensor matrix, Granularity granularity, ScaleRule rule) {
    float[] largest = largestMagnitudes(matrix, granularity);
    for (int i = 0; i < largest.length; i++) {
      largest[i] = rule.scale(largest[i]);
    }
    return quantize(matrix, granularity, largest);
  }

  /// Quantises a float `matrix [rows, columns]` with one given scale.
  public static Float8Matrix quantize(Tensor matrix, float scale) {
    return quantize(matrix, Granularity.TENSOR, new float[] {scale});
  }

  /// Returns the largest magnitude of each group of a float `matrix [rows, columns]`, NaN left out;
  /// 0 for a group of NaN only.
  public static float[] largestMagnitudes(Tensor matrix, Granularity granularity) {
    int rows = rows(matrix);
    int columns = columns(matrix);
    int height = granularity.rowsOfGroup(rows);
    int width = granularity.columnsOfGroup(columns);
    int across = Math.ceilDiv(columns, width);
    float[] largest = new float[groups(granularity, rows, columns)];
    float[] row = new float[columns];
    for (int r = 0; r < rows; r++) {
      readRow(matrix, r, row);
      for (int g = 0; g < across; g++) {
        float magnitude = largest[(r / height) * across + g];
        int end = Math.min(columns, (g + 1) * width);
        for (int c = g * width; c < end; c++) {
          float absolute = Math.abs(row[c]);
          // a comparison with NaN is false, so NaN never counts
          if (absolute > magnitude) {
            magnitude = absolute;
          }
        }
        largest[(r / height) * across + g] = magnitude;
      }
    }
    return largest;
  }

  /// Returns the float32 values `[rows, columns]` of an 8-bit matrix.
  public static Tensor dequantize(Float8Matrix matrix) {
    int rows = rows(matrix.values());
    int columns = columns(matrix.values());
    int height = matrix.granularity().rowsOfGroup(rows);
    int width = matrix.granularity().columnsOfGroup(columns);
    int across = Math.ceilDiv(columns, width);
    float[] inverse = matrix.inverseScales().toFloats();
    float[] row = new float[columns];
    MemorySegment target = MemorySegment.ofArray(new float[Math.multiplyExact(rows, columns)]);
    for (int r = 0; r < rows; r++) {
      readRow(matrix.values(), r, row);
      for (int c = 0; c < columns; c++) {
        row[c] *= inverse[(r / height) * across + c / width];
      }
      MemorySegment.copy(row, 0, target, FLOAT, (long) r * columns * Float.BYTES, columns);
    }
    return new Tensor(matrix.values().shape(), DType.F32, new HostStorage(target));
  }

  private static Float8Matrix quantize(Tensor matrix, Granularity granularity, float[] scales) {
    int rows = rows(matrix);
    int columns = columns(matrix);
    int height = granularity.rowsOfGroup(rows);
    int width = granularity.columnsOfGroup(columns);
    int across = Math.ceilDiv(columns, width);
    float[] row = new float[columns];
    byte[] bytes = new byte[columns];
    MemorySegment target = MemorySegment.ofArray(new byte[Math.multiplyExact(rows, columns)]);
    for (int r = 0; r < rows; r++) {
      readRow(matrix, r, row);
      for (int g = 0; g < across; g++) {
        float scale = scales[(r / height) * across + g];
        int end = Math.min(columns, (g + 1) * width);
        for (int c = g * width; c < end; c++) {
          bytes[c] = Float8.toE4m3(row[c] * scale);
        }
      }
      MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, (long) r * columns, columns);
    }
    float[] inverse = new float[scales.length];
    for (int i = 0; i < scales.length; i++) {
      inverse[i] = 1f / scales[i];
    }
    return new Float8Matrix(
        new Tensor(Shape.of(rows, columns), DType.F8_E4M3, new HostStorage(target)),
        Tensor.of(inverse, granularity.scaleSizes(rows, columns)),
        granularity);
  }

  private static int groups(Granularity granularity, int rows, int columns) {
    return (int) Arrays.stream(granularity.scaleSizes(rows, columns)).reduce(1, (a, b) -> a * b);
  }

  private static int rows(Tensor matrix) {
    if (matrix.shape().rank() < 2) {
      throw new IllegalArgumentException(
          "got shape " + matrix.shape() + "; quantising needs a matrix [rows, columns]");
    }
    return matrix.length(0);
  }

  private static int columns(Tensor matrix) {
    int rows = matrix.length(0);
    return rows == 0 ? matrix.length(-1) : Math.toIntExact(matrix.count() / rows);
  }

  private static void readRow(Tensor matrix, int row, float[] target) {
    MemorySegment source = matrix.segment();
    int columns = target.length;
    long first = (long) row * columns;
    switch (matrix.dtype()) {
      case F32 -> MemorySegment.copy(source, FLOAT, first * Float.BYTES, target, 0, columns);
      case BF16 -> {
        for (int c = 0; c < columns; c++) {
          target[c] = BFloat16.toFloat(source.get(SHORT, (first + c) * Short.BYTES));
        }
      }
      case F64, F16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U8, BOOL -> {
        for (int c = 0; c < columns; c++) {
          target[c] = Elements.toFloat(source, matrix.dtype(), first + c);
        }
      }
    }
  }
}
