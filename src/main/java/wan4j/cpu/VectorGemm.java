package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// A matrix product in Java, for machines where OpenBLAS cannot be loaded: panels of `b` two
/// vectors wide are copied together, and eight rows of `a` pass over one at a time, so that sixteen
/// sums stay in registers.
final class VectorGemm implements Gemm {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final int WIDTH = 2 * LANES;
  private static final int ROWS = 8;
  private static final int DEPTH = 384; // a panel then fits the first-level cache

  @Override
  public void multiply(
      boolean isTransposed,
      int rows,
      int columns,
      int depth,
      float alpha,
      Matrix a,
      Matrix b,
      float beta,
      Matrix c) {
    scale(rows, columns, beta, c);
    float[] panel = new float[DEPTH * WIDTH];
    float[] sums = new float[ROWS * WIDTH];
    for (int k = 0; k < depth; k += DEPTH) {
      int length = Math.min(DEPTH, depth - k);
      for (int column = 0; column < columns; column += WIDTH) {
        int width = Math.min(WIDTH, columns - column);
        pack(isTransposed, b, k, length, column, width, panel);
        for (int row = 0; row < rows; row += ROWS) {
          int count = Math.min(ROWS, rows - row);
          if (count == ROWS) {
            eightRows(a, row, k, length, panel, sums);
          } else {
            for (int i = 0; i < count; i++) {
              oneRow(a, row + i, k, length, panel, sums, i * WIDTH);
            }
          }
          for (int i = 0; i < count; i++) {
            long target = (long) (row + i) * c.stride() + column;
            for (int j = 0; j < width; j++) {
              float before = Floats.get(c.segment(), target + j);
              Floats.set(c.segment(), target + j, before + alpha * sums[i * WIDTH + j]);
            }
          }
        }
      }
    }
  }

  private static void scale(int rows, int columns, float beta, Matrix c) {
    if (beta == 1) {
      return;
    }
    for (long row = 0; row < rows; row++) {
      for (long i = row * c.stride(); i < row * c.stride() + columns; i++) {
        // beta 0 must not read the target, which may hold NaN
        Floats.set(c.segment(), i, beta == 0 ? 0 : beta * Floats.get(c.segment(), i));
      }
    }
  }

  private static void pack(
      boolean isTransposed, Matrix b, int first, int length, int column, int width, float[] panel) {
    if (width < WIDTH) {
      Arrays.fill(panel, 0);
    }
    for (int k = 0; k < length; k++) {
      for (int j = 0; j < width; j++) {
        long row = isTransposed ? column + j : first + k;
        long place = isTransposed ? first + k : column + j;
        panel[k * WIDTH + j] = Floats.get(b.segment(), row * b.stride() + place);
      }
    }
  }

  private static void oneRow(
      Matrix a, int row, int first, int length, float[] panel, float[] sums, int place) {
    long from = (long) row * a.stride() + first;
    FloatVector left = FloatVector.zero(SPECIES);
    FloatVector right = FloatVector.zero(SPECIES);
    for (int k = 0; k < length; k++) {
      FloatVector factor = FloatVector.broadcast(SPECIES, Floats.get(a.segment(), from + k));
      left = factor.fma(FloatVector.fromArray(SPECIES, panel, k * WIDTH), left);
      right = factor.fma(FloatVector.fromArray(SPECIES, panel, k * WIDTH + LANES), right);
    }
    left.intoArray(sums, place);
    right.intoArray(sums, place + LANES);
  }

  private static void eightRows(
      Matrix a, int row, int first, int length, float[] panel, float[] sums) {
    MemorySegment s = a.segment();
    long stride = a.stride();
    long from = row * stride + first;
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    FloatVector b0 = zero;
    FloatVector b1 = zero;
    FloatVector b2 = zero;
    FloatVector b3 = zero;
    FloatVector b4 = zero;
    FloatVector b5 = zero;
    FloatVector b6 = zero;
    FloatVector b7 = zero;
    for (int k = 0; k < length; k++) {
      FloatVector left = FloatVector.fromArray(SPECIES, panel, k * WIDTH);
      FloatVector right = FloatVector.fromArray(SPECIES, panel, k * WIDTH + LANES);
      FloatVector x = broadcast(s, from + k);
      a0 = x.fma(left, a0);
      b0 = x.fma(right, b0);
      x = broadcast(s, from + stride + k);
      a1 = x.fma(left, a1);
      b1 = x.fma(right, b1);
      x = broadcast(s, from + 2 * stride + k);
      a2 = x.fma(left, a2);
      b2 = x.fma(right, b2);
      x = broadcast(s, from + 3 * stride + k);
      a3 = x.fma(left, a3);
      b3 = x.fma(right, b3);
      x = broadcast(s, from + 4 * stride + k);
      a4 = x.fma(left, a4);
      b4 = x.fma(right, b4);
      x = broadcast(s, from + 5 * stride + k);
      a5 = x.fma(left, a5);
      b5 = x.fma(right, b5);
      x = broadcast(s, from + 6 * stride + k);
      a6 = x.fma(left, a6);
      b6 = x.fma(right, b6);
      x = broadcast(s, from + 7 * stride + k);
      a7 = x.fma(left, a7);
      b7 = x.fma(right, b7);
    }
    a0.intoArray(sums, 0);
    b0.intoArray(sums, LANES);
    a1.intoArray(sums, WIDTH);
    b1.intoArray(sums, WIDTH + LANES);
    a2.intoArray(sums, 2 * WIDTH);
    b2.intoArray(sums, 2 * WIDTH + LANES);
    a3.intoArray(sums, 3 * WIDTH);
    b3.intoArray(sums, 3 * WIDTH + LANES);
    a4.intoArray(sums, 4 * WIDTH);
    b4.intoArray(sums, 4 * WIDTH + LANES);
    a5.intoArray(sums, 5 * WIDTH);
    b5.intoArray(sums, 5 * WIDTH + LANES);
    a6.intoArray(sums, 6 * WIDTH);
    b6.intoArray(sums, 6 * WIDTH + LANES);
    a7.intoArray(sums, 7 * WIDTH);
    b7.intoArray(sums, 7 * WIDTH + LANES);
  }

  private static FloatVector broadcast(MemorySegment segment, long index) {
    return FloatVector.broadcast(SPECIES, Floats.get(segment, index));
  }
}
