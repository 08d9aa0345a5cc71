package wan4j.cpu;

import static wan4j.cpu.Vectors.LANES;
import static wan4j.cpu.Vectors.SPECIES;
import static wan4j.cpu.Vectors.load;
import static wan4j.cpu.Vectors.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import wan4j.ops.Heads;
import wan4j.tensor.Tensor;

/// Normalisations with vectors, rows spread over the processors; sums are float32 in as many parts
/// as a vector has lanes, added up in float64.
final class VectorNorm {
  private static final VectorShuffle<Float> SWAP =
      VectorShuffle.fromOp(SPECIES, lane -> lane ^ 1); // the other of a pair
  private static final VectorMask<Float> EVEN =
      VectorMask.fromLong(SPECIES, 0x5555555555555555L >>> (64 - LANES));

  private VectorNorm() {}

  /// `layerNorm(x) (1 + scale) + shift`, the row of shift and scale named by `rows`.
  static void modulated(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment shifts = shift.segment();
    MemorySegment scales = scale.segment();
    MemorySegment groups = rows.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    Workers.rows(
        x.length(0),
        dim,
        (first, end) -> {
          for (long token = first; token < end; token++) {
            long from = token * dim;
            long group = (long) Floats.integer(groups, token) * dim;
            float mean = mean(in, from, dim);
            float factor = (float) (1 / Math.sqrt(variance(in, from, dim, mean) + epsilon));
            for (int i = 0; i < dim; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(dim - i);
              FloatVector y = load(in, from + i, mask).sub(mean).mul(factor);
              FloatVector grown = load(scales, group + i, mask).add(1f);
              store(y.mul(grown).add(load(shifts, group + i, mask)), out, from + i, mask);
            }
          }
        });
  }

  /// `layerNorm(x) weight + bias`.
  static void layer(Tensor x, Tensor weight, Tensor bias, double epsilon, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment weights = weight.segment();
    MemorySegment biases = bias.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    Workers.rows(
        x.length(0),
        dim,
        (first, end) -> {
          for (long token = first; token < end; token++) {
            long from = token * dim;
            float mean = mean(in, from, dim);
            float factor = (float) (1 / Math.sqrt(variance(in, from, dim, mean) + epsilon));
            for (int i = 0; i < dim; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(dim - i);
              FloatVector y = load(in, from + i, mask).sub(mean).mul(factor);
              FloatVector grown = y.mul(load(weights, i, mask)).add(load(biases, i, mask));
              store(grown, out, from + i, mask);
            }
          }
        });
  }

  /// `x / rms(x) weight`.
  static void rootMeanSquare(Tensor x, Tensor weight, double epsilon, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment weights = weight.segment();
    MemorySegment out = target.segment();
    int dim = x.length(1);
    Workers.rows(
        x.length(0),
        dim,
        (first, end) -> {
          for (long token = first; token < end; token++) {
            long from = token * dim;
            float factor = (float) (1 / Math.sqrt(variance(in, from, dim, 0) + epsilon));
            for (int i = 0; i < dim; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(dim - i);
              FloatVector y = load(in, from + i, mask).mul(factor).mul(load(weights, i, mask));
              store(y, out, from + i, mask);
            }
          }
        });
  }

  /// Splits rows of three parts; queries and keys are normalised and rotated.
  static void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    MemorySegment in = qkv.segment();
    int dim = qkv.length(1) / 3;
    int size = target.query().length(2);
    MemorySegment angles = rope.segment();
    Rotation query = new Rotation(in, queryWeight.segment(), angles, target.query().segment());
    Rotation key = new Rotation(in, keyWeight.segment(), angles, target.key().segment());
    MemorySegment values = target.value().segment();
    Workers.rows(
        qkv.length(0),
        3L * dim,
        (first, end) -> {
          for (long token = first; token < end; token++) {
            long from = token * 3 * dim;
            query.row(from, token, dim, size, epsilon);
            key.row(from + dim, token, dim, size, epsilon);
            MemorySegment.copy(in, (from + 2L * dim) * 4, values, token * dim * 4, dim * 4L);
          }
        });
  }

  private record Rotation(
      MemorySegment in, MemorySegment weights, MemorySegment angles, MemorySegment out) {
    void row(long from, long token, int dim, int size, double epsilon) {
      float factor = (float) (1 / Math.sqrt(variance(in, from, dim, 0) + epsilon));
      for (int head = 0; head < dim; head += size) {
        for (int i = 0; i < size; i += LANES) {
          VectorMask<Float> mask = Vectors.mask(size - i);
          FloatVector weight = load(weights, head + i, mask);
          FloatVector x = load(in, from + head + i, mask).mul(factor).mul(weight);
          FloatVector angle = load(angles, token * size + i, mask); // cosine, sine, cosine …
          FloatVector swapped = angle.rearrange(SWAP);
          FloatVector cosine = swapped.blend(angle, EVEN);
          FloatVector sine = angle.blend(swapped.neg(), EVEN);
          // (a, b) becomes (a cosine - b sine, b cosine + a sine)
          FloatVector y = x.mul(cosine).add(x.rearrange(SWAP).mul(sine));
          store(y, out, token * dim + head + i, mask);
        }
      }
    }
  }

  /// `x / max(length over channels, 1e-12) sqrt(channels) gamma`, then SiLU if asked.
  static void channel(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment gammas = gamma.segment();
    MemorySegment out = target.segment();
    int channels = x.length(3);
    Workers.rows(
        x.count() / Math.max(1, channels),
        channels,
        (first, end) -> {
          for (long pixel = first; pixel < end; pixel++) {
            long from = pixel * channels;
            double length = Math.sqrt(variance(in, from, channels, 0) * channels);
            float factor = (float) (Math.sqrt(channels) / Math.max(length, 1e-12));
            for (int i = 0; i < channels; i += LANES) {
              VectorMask<Float> mask = Vectors.mask(channels - i);
              FloatVector y = load(in, from + i, mask).mul(factor).mul(load(gammas, i, mask));
              store(silu ? Vectors.silu(y) : y, out, from + i, mask);
            }
          }
        });
  }

  private static float mean(MemorySegment in, long from, int dim) {
    FloatVector sums = FloatVector.zero(SPECIES);
    int bound = SPECIES.loopBound(dim);
    for (int i = 0; i < bound; i += LANES) {
      sums = sums.add(load(in, from + i));
    }
    double sum = Vectors.sum(sums);
    for (int i = bound; i < dim; i++) {
      sum += Floats.get(in, from + i);
    }
    return (float) (sum / dim);
  }

  /// Returns the mean square of the distance from `mean`.
  private static double variance(MemorySegment in, long from, int dim, float mean) {
    FloatVector sums = FloatVector.zero(SPECIES);
    int bound = SPECIES.loopBound(dim);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector x = load(in, from + i).sub(mean);
      sums = x.mul(x).add(sums);
    }
    double sum = Vectors.sum(sums);
    for (int i = bound; i < dim; i++) {
      double x = Floats.get(in, from + i) - (double) mean;
      sum += x * x;
    }
    return sum / dim;
  }
}
