package wan4j.quant;

import java.util.ArrayList;
import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Weights that a checkpoint stores in E4M3 and that can be used as they are: the `codes` of each,
/// to be stacked along their outputs, and the float32 factors that dequantise the stack, in host
/// memory and shaped as `granularity` says.
public record StoredFloat8(
    List<TensorSource> codes, Tensor inverseScales, Granularity granularity) {

  /// Returns weights `[outputs, inputs]` as they are stored, with the factors spread over finer
  /// groups where the granularity asks for it; null when one is stored in another type, or when
  /// elements that would share a factor have different ones, so that they must be quantised again.
  /// A weight of bare E4M3 has the factor 1.
  public static StoredFloat8 of(List<TensorSource> weights, Granularity granularity) {
    List<TensorSource> codes = new ArrayList<>();
    int rows = 0;
    for (TensorSource weight : weights) {
      TensorSource own = weight instanceof ScaledSource scaled ? scaled.codes() : weight;
      if (own.dtype() != DType.F8_E4M3) {
        return null;
      }
      codes.add(own);
      rows += own.shape().length(0);
    }
    int columns = columns(codes.getFirst());
    Target target = new Target(rows, columns, granularity);
    int first = 0;
    for (TensorSource weight : weights) {
      if (!target.accepts(factors(weight), first, weight.shape().length(0))) {
        return null;
      }
      first += weight.shape().length(0);
    }
    Tensor scales = Tensor.of(target.scales, granularity.scaleSizes(rows, columns));
    return new StoredFloat8(List.copyOf(codes), scales, granularity);
  }

  private static int columns(TensorSource weight) {
    Shape shape = weight.shape();
    return Math.toIntExact(shape.count() / Math.max(1, shape.size(0)));
  }

  private static Factors factors(TensorSource weight) {
    int rows = weight.shape().length(0);
    int columns = columns(weight);
    if (!(weight instanceof ScaledSource scaled)) {
      return new Factors(Tensor.of(new float[] {1}, 1), rows, columns, 1);
    }
    Tensor values = scaled.factors();
    Shape shape = values.shape();
    if (scaled.isTiled()) {
      return new Factors(values, Granularity.BLOCK, Granularity.BLOCK, shape.length(1));
    }
    int across = shape.rank() == 2 ? shape.length(1) : 1;
    return new Factors(values, shape.size(0) == rows ? 1 : rows, columns / across, across);
  }

  /// The factors of one weight: each serves `height` rows and `width` columns, `across` of them lie
  /// beside each other.
  private record Factors(Tensor values, int height, int width, int across) {}

  /// The factors of a stack, filled in weight by weight.
  private static final class Target {
    private final int columns;
    private final int height;
    private final int width;
    private final int across;
    private final float[] scales;
    private final boolean[] isKnown;

    Target(int rows, int columns, Granularity granularity) {
      this.columns = columns;
      height = granularity.rowsOfGroup(rows);
      width = granularity.columnsOfGroup(columns);
      across = Math.ceilDiv(columns, width);
      scales = new float[Math.ceilDiv(rows, height) * across];
      isKnown = new boolean[scales.length];
    }

    /// Takes the factors of the weight whose `rows` begin at row `first` of the stack; says whether
    /// no group has two.
    boolean accepts(Factors factors, int first, int rows) {
      float[] values = factors.values.toFloats();
      for (int i = 0; i < values.length; i++) {
        int row = i / factors.across * factors.height;
        int column = i % factors.across * factors.width;
        int lastRow = first + Math.min(rows, row + factors.height) - 1;
        int lastColumn = Math.min(columns, column + factors.width) - 1;
        for (int r = (first + row) / height; r <= lastRow / height; r++) {
          for (int c = column / width; c <= lastColumn / width; c++) {
            int group = r * across + c;
            if (isKnown[group] && scales[group] != values[i]) {
              return false;
            }
            scales[group] = values[i];
            isKnown[group] = true;
          }
        }
      }
      return true;
    }
  }
}
