package wan4j.weights.lora;

import java.lang.foreign.MemorySegment;
import java.lang.ref.SoftReference;
import java.util.Arrays;
import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.FloatReader;
import wan4j.weights.file.RowSource;

/// A parameter with LoRA additions, computed in float32 row by row while it is read.
final class MergedSource implements SummedSource {
  private final TensorSource base;
  private final List<Addend> addends;
  private final int rowLength;
  private SoftReference<float[][][]> factors = new SoftReference<>(null);

  MergedSource(TensorSource base, List<LoraTerm> terms) {
    this.base = base;
    addends = terms.stream().map(MergedSource::addend).toList();
    rowLength = rowLength();
  }

  private static Addend addend(LoraTerm term) {
    return switch (term.delta()) {
      case LoraDelta.LowRank pair -> new Addend.Product(pair.up(), pair.down(), term.factor());
      case LoraDelta.Difference change -> new Addend.Values(change.values(), term.factor());
    };
  }

  @Override
  public TensorSource base() {
    return base;
  }

  @Override
  public List<Addend> addends() {
    return addends;
  }

  @Override
  public String name() {
    return base.name();
  }

  @Override
  public Shape shape() {
    return base.shape();
  }

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public void read(long offset, MemorySegment target) {
    float[][][] matrices = matrices();
    RowSource.read(offset, target, bytes(), rowLength, index -> row(index, matrices));
  }

  private float[] row(int index, float[][][] matrices) {
    float[] row = FloatReader.read(base, (long) index * rowLength, rowLength);
    float[] sum = new float[rowLength];
    for (int t = 0; t < addends.size(); t++) {
      switch (addends.get(t)) {
        case Addend.Product product -> {
          Arrays.fill(sum, 0f);
          addProduct(sum, matrices[t][1], index * product.rank(), matrices[t][0], product.rank());
          addScaled(row, sum, product.factor());
        }
        case Addend.Values(TensorSource values, float factor) ->
            addScaled(row, FloatReader.read(values, (long) index * rowLength, rowLength), factor);
      }
    }
    return row;
  }

  /// Adds row `first / rank` of up, a vector of rank numbers, times down to a row.
  private static void addProduct(float[] sum, float[] up, int first, float[] down, int rank) {
    int length = sum.length;
    int k = 0;
    // four rows at a time, so that the running sum is loaded and stored a quarter as often
    for (; k + 4 <= rank; k += 4) {
      float a = up[first + k];
      float b = up[first + k + 1];
      float c = up[first + k + 2];
      float d = up[first + k + 3];
      int at = k * length;
      for (int j = 0; j < length; j++) {
        sum[j] +=
            a * down[at + j]
                + b * down[at + length + j]
                + c * down[at + 2 * length + j]
                + d * down[at + 3 * length + j];
      }
    }
    for (; k < rank; k++) {
      float a = up[first + k];
      int at = k * length;
      for (int j = 0; j < length; j++) {
        sum[j] += a * down[at + j];
      }
    }
  }

  private static void addScaled(float[] row, float[] values, float factor) {
    for (int j = 0; j < row.length; j++) {
      row[j] += factor * values[j];
    }
  }

  /// Returns down and up of every low-rank term in float32, read again when memory ran short in
  /// between.
  private synchronized float[][][] matrices() {
    float[][][] known = factors.get();
    if (known == null) {
      known = new float[addends.size()][][];
      for (int t = 0; t < known.length; t++) {
        if (addends.get(t) instanceof Addend.Product product) {
          known[t] = new float[][] {FloatReader.all(product.down()), FloatReader.all(product.up())};
        }
      }
      factors = new SoftReference<>(known);
    }
    return known;
  }
}
