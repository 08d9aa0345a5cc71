package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorMask;
import wan4j.cpu.Gemm.Matrix;
import wan4j.ops.Activation;
import wan4j.tensor.Tensor;

/// Linear layers in tiles of the output: product, then bias and function while the tile is in the
/// cache. A weight of fewer bits is widened a tile at a time, so it never lies in memory twice.
final class TiledLinear {
  // the product of a tile this large runs at 95 % of the whole one's speed, and widening a weight
  // for so many rows costs nothing against it
  private static final int ROWS = 2048;
  private static final int COLUMNS = 768;
  private static final int FEWEST_COLUMNS = 64;

  private TiledLinear() {}

  /// Writes `activation(x weightᵀ + bias)` for `x [rows, inputs]`, weight `[outputs, inputs]`.
  static void run(
      Workers workers, Gemm gemm, Tensor x, CpuLinear layer, Activation activation, Tensor target) {
    int rows = x.length(0);
    int inputs = x.length(1);
    int outputs = layer.outputs();
    if (rows == 0) {
      return;
    }
    boolean isWide = layer.isWide();
    int down = Math.ceilDiv(rows, ROWS);
    int most = isWide ? COLUMNS : (int) Math.min(COLUMNS, Workers.SCRATCH / 4 / inputs);
    int narrow = columns(outputs, down, most, Runtime.getRuntime().availableProcessors());
    int across = Math.ceilDiv(outputs, narrow);
    MemorySegment values = x.segment();
    MemorySegment weights = layer.weight().segment();
    MemorySegment biases = layer.bias().segment();
    MemorySegment out = target.segment();
    workers.run(
        across * down,
        (task, scratch) -> {
          int column = task % across * narrow;
          int width = Math.min(narrow, outputs - column);
          int row = task / across * ROWS;
          int height = Math.min(ROWS, rows - row);
          Matrix factor;
          if (isWide) {
            factor = Matrix.at(weights, (long) column * inputs, inputs);
          } else {
            layer.widen(column, width, scratch);
            factor = new Matrix(scratch, inputs);
          }
          Matrix left = Matrix.at(values, (long) row * inputs, inputs);
          Matrix tile = Matrix.at(out, (long) row * outputs + column, outputs);
          gemm.multiply(true, height, width, inputs, 1, left, factor, 0, tile);
          finish(tile, height, width, biases, column, activation);
        });
  }

  /// Returns how many columns a tile has, so that every processor gets two tiles if they would not
  /// become too narrow.
  static int columns(int outputs, int down, int most, int processors) {
    int columns = most;
    while (columns >= 2 * FEWEST_COLUMNS
        && (long) down * Math.ceilDiv(outputs, columns) < 2L * processors) {
      columns /= 2;
    }
    return columns;
  }

  private static void finish(
      Matrix tile, int height, int width, MemorySegment biases, int column, Activation activation) {
    MemorySegment out = tile.segment();
    int bound = Vectors.SPECIES.loopBound(width);
    VectorMask<Float> mask = Vectors.mask(width - bound);
    for (int row = 0; row < height; row++) {
      long from = (long) row * tile.stride();
      for (int i = 0; i < bound; i += Vectors.LANES) {
        var sum = Vectors.load(out, from + i).add(Vectors.load(biases, column + i));
        Vectors.store(Vectors.apply(activation, sum), out, from + i);
      }
      if (bound < width) {
        var sum =
            Vectors.load(out, from + bound, mask).add(Vectors.load(biases, column + bound, mask));
        Vectors.store(Vectors.apply(activation, sum), out, from + bound, mask);
      }
    }
  }
}
