package wan4j.cpu;

import static wan4j.cpu.Vectors.LANES;
import static wan4j.cpu.Vectors.load;
import static wan4j.cpu.Vectors.store;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import wan4j.ops.Activation;
import wan4j.tensor.Tensor;

/// Functions of single elements with vectors, spread over the processors.
final class VectorElementwise {
  private static final int PIECE = 4096; // elements

  private VectorElementwise() {}

  /// `gelu(first half) * second half` of each row.
  static void gatedGelu(Tensor x, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment out = target.segment();
    int half = target.length(1);
    Workers.rows(
        x.length(0),
        2L * half,
        (first, end) -> {
          for (long row = first; row < end; row++) {
            long from = row * 2 * half;
            for (int i = 0; i < half; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(half - i);
              FloatVector gate = load(in, from + half + i, mask);
              FloatVector y = Vectors.gelu(load(in, from + i, mask)).mul(gate);
              store(y, out, row * half + i, mask);
            }
          }
        });
  }

  /// A function of every element; the target may be `x`.
  static void activate(Tensor x, Activation activation, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment out = target.segment();
    pieces(
        x.count(), (i, mask) -> store(Vectors.apply(activation, load(in, i, mask)), out, i, mask));
  }

  /// `x += y`.
  static void add(Tensor x, Tensor y) {
    MemorySegment out = x.segment();
    MemorySegment in = y.segment();
    pieces(x.count(), (i, mask) -> store(load(out, i, mask).add(load(in, i, mask)), out, i, mask));
  }

  /// `x += y gate`, the row of the gate named by `rows`.
  static void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    MemorySegment out = x.segment();
    MemorySegment in = y.segment();
    MemorySegment gates = gate.segment();
    MemorySegment groups = rows.segment();
    int dim = x.length(1);
    Workers.rows(
        x.length(0),
        dim,
        (first, end) -> {
          for (long token = first; token < end; token++) {
            long from = token * dim;
            long group = (long) Floats.integer(groups, token) * dim;
            for (int i = 0; i < dim; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(dim - i);
              FloatVector change = load(in, from + i, mask).mul(load(gates, group + i, mask));
              store(load(out, from + i, mask).add(change), out, from + i, mask);
            }
          }
        });
  }

  /// The sum of scaled terms, float64 within an element; the target may be one of them.
  static void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    MemorySegment out = target.segment();
    MemorySegment[] in = terms.stream().map(Tensor::segment).toArray(MemorySegment[]::new);
    Workers.rows(
        target.count(),
        1,
        (first, end) -> {
          for (long i = first; i < end; i++) {
            double sum = 0;
            for (int term = 0; term < coefficients.length; term++) {
              sum += coefficients[term] * Floats.get(in[term], i);
            }
            Floats.set(out, i, sum);
          }
        });
  }

  private interface Vector {
    void at(long index, VectorMask<Float> mask);
  }

  private static void pieces(long count, Vector body) {
    Workers.rows(
        Math.ceilDiv(count, (long) PIECE),
        PIECE,
        (first, end) -> {
          long last = Math.min(count, end * PIECE);
          for (long i = first * PIECE; i < last; i += LANES) {
            body.at(i, Vectors.mask((int) Math.min(LANES, last - i)));
          }
        });
  }
}
