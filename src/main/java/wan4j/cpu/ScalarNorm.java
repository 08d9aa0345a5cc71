package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.integer;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import wan4j.ops.Heads;
import wan4j.tensor.Tensor;

/// Normalisations as plain loops with float64 sums.
final class ScalarNorm {
  private ScalarNorm() {}

  /// `layerNorm(x) (1 + scale) + shift`, the row of shift and scale named by `rows`.
  static void modulated(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, Tensor target) {
    MemorySegment shifts = shift.segment();
    MemorySegment scales = scale.segment();
    MemorySegment groups = rows.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    double[] row = new double[dim];
    for (long token = 0; token < x.shape().size(0); token++) {
      centred(x.segment(), token * dim, epsilon, row);
      long group = (long) integer(groups, token) * dim;
      for (int i = 0; i < dim; i++) {
        set(out, token * dim + i, row[i] * (1 + get(scales, group + i)) + get(shifts, group + i));
      }
    }
  }

  /// `layerNorm(x) weight + bias`.
  static void layer(Tensor x, Tensor weight, Tensor bias, double epsilon, Tensor target) {
    MemorySegment weights = weight.segment();
    MemorySegment biases = bias.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    double[] row = new double[dim];
    for (long token = 0; token < x.shape().size(0); token++) {
      centred(x.segment(), token * dim, epsilon, row);
      for (int i = 0; i < dim; i++) {
        set(out, token * dim + i, row[i] * get(weights, i) + get(biases, i));
      }
    }
  }

  /// `x / rms(x) weight`.
  static void rootMeanSquare(Tensor x, Tensor weight, double epsilon, Tensor target) {
    MemorySegment values = x.segment();
    MemorySegment weights = weight.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    for (long token = 0; token < x.shape().size(0); token++) {
      double factor = 1 / Math.sqrt(squares(values, token * dim, dim) / dim + epsilon);
      for (int i = 0; i < dim; i++) {
        set(out, token * dim + i, get(values, token * dim + i) * factor * get(weights, i));
      }
    }
  }

  /// Splits rows of three parts; queries and keys are normalised and rotated.
  static void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    int dim = qkv.length(1) / 3;
    MemorySegment in = qkv.segment();
    for (long token = 0; token < qkv.shape().size(0); token++) {
      long from = token * 3 * dim;
      rotated(in, from, token, queryWeight, epsilon, rope, target.query());
      rotated(in, from + dim, token, keyWeight, epsilon, rope, target.key());
      MemorySegment.copy(
          in, (from + 2L * dim) * 4, target.value().segment(), token * dim * 4, dim * 4L);
    }
  }

  private static void rotated(
      MemorySegment in,
      long from,
      long token,
      Tensor weight,
      double epsilon,
      Tensor rope,
      Tensor target) {
    MemorySegment weights = weight.segment();
    MemorySegment angles = rope.segment();
    MemorySegment out = target.segment();
    int size = target.length(2);
    int dim = weight.length(0);
    double factor = 1 / Math.sqrt(squares(in, from, dim) / dim + epsilon);
    for (int i = 0; i < dim; i += 2) {
      double even = get(in, from + i) * factor * get(weights, i);
      double odd = get(in, from + i + 1) * factor * get(weights, i + 1L);
      double cosine = get(angles, token * size + i % size);
      double sine = get(angles, token * size + i % size + 1);
      set(out, token * dim + i, even * cosine - odd * sine);
      set(out, token * dim + i + 1, even * sine + odd * cosine);
    }
  }

  /// `x / max(length over channels, 1e-12) sqrt(channels) gamma`, then SiLU if asked.
  static void channel(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    MemorySegment values = x.segment();
    MemorySegment gammas = gamma.segment();
    MemorySegment out = target.segment();
    int channels = x.length(3);
    long pixels = x.count() / channels;
    for (long pixel = 0; pixel < pixels; pixel++) {
      double length = Math.sqrt(squares(values, pixel * channels, channels));
      double factor = Math.sqrt(channels) / Math.max(length, 1e-12);
      for (int i = 0; i < channels; i++) {
        double y = get(values, pixel * channels + i) * factor * get(gammas, i);
        set(out, pixel * channels + i, silu ? ScalarElementwise.silu(y) : y);
      }
    }
  }

  private static void centred(MemorySegment values, long from, double epsilon, double[] row) {
    double sum = 0;
    for (int i = 0; i < row.length; i++) {
      row[i] = get(values, from + i);
      sum += row[i];
    }
    double mean = sum / row.length;
    double squares = 0;
    for (int i = 0; i < row.length; i++) {
      row[i] -= mean;
      squares += row[i] * row[i];
    }
    double factor = 1 / Math.sqrt(squares / row.length + epsilon);
    for (int i = 0; i < row.length; i++) {
      row[i] *= factor;
    }
  }

  private static double squares(MemorySegment values, long from, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      double x = get(values, from + i);
      sum += x * x;
    }
    return sum;
  }
}
