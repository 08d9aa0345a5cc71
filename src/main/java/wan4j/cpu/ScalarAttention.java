package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.integer;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import java.util.function.IntToDoubleFunction;
import wan4j.ops.Heads;
import wan4j.tensor.Tensor;

/// Attention as plain loops with float64 sums: one query row at a time.
final class ScalarAttention {
  private ScalarAttention() {}

  /// softmax(q kᵀ scale) v for every head.
  static void attention(Heads heads, double scale, Tensor target) {
    int keys = heads.key().length(0);
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int dim = count * size;
    for (int head = 0; head < count; head++) {
      for (long token = 0; token < heads.query().shape().size(0); token++) {
        long from = (long) head * size;
        View query = new View(heads.query().segment(), from + token * dim, 0);
        View key = new View(heads.key().segment(), from, dim);
        View value = new View(heads.value().segment(), from, dim);
        View out = new View(target.segment(), from + token * dim, 0);
        row(query, key, value, out, keys, size, scale, _ -> 0);
      }
    }
  }

  /// softmax(q kᵀ scale) v over the keys of each query's own group.
  static void grouped(Heads heads, Tensor rows, int keys, double scale, Tensor target) {
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int dim = count * size;
    for (int head = 0; head < count; head++) {
      for (long token = 0; token < heads.query().shape().size(0); token++) {
        long from = (long) head * size;
        long first = from + (long) integer(rows.segment(), token) * keys * dim;
        View query = new View(heads.query().segment(), from + token * dim, 0);
        View key = new View(heads.key().segment(), first, dim);
        View value = new View(heads.value().segment(), first, dim);
        View out = new View(target.segment(), from + token * dim, 0);
        row(query, key, value, out, keys, size, scale, _ -> 0);
      }
    }
  }

  /// softmax(q kᵀ + bias of the distance) v over the first keys.
  static void relative(Heads heads, Tensor bias, int keys, Tensor target) {
    int tokens = heads.query().length(0);
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int dim = count * size;
    MemorySegment biases = bias.segment();
    for (int head = 0; head < count; head++) {
      for (int token = 0; token < tokens; token++) {
        long from = (long) head * size;
        View query = new View(heads.query().segment(), from + (long) token * dim, 0);
        View key = new View(heads.key().segment(), from, dim);
        View value = new View(heads.value().segment(), from, dim);
        View out = new View(target.segment(), from + (long) token * dim, 0);
        long zero = head * (2L * tokens - 1) + tokens - 1 - token;
        row(query, key, value, out, keys, size, 1, column -> get(biases, zero + column));
      }
    }
  }

  /// softmax(q kᵀ / sqrt(channels)) v within each frame.
  static void frame(Tensor qkv, Tensor target) {
    int pixels = qkv.length(1) * qkv.length(2);
    int channels = qkv.length(3) / 3;
    for (long frame = 0; frame < qkv.shape().size(0); frame++) {
      MemorySegment in = qkv.at(frame).segment();
      MemorySegment out = target.at(frame).segment();
      View key = new View(in, channels, 3 * channels);
      View value = new View(in, 2L * channels, 3 * channels);
      for (long pixel = 0; pixel < pixels; pixel++) {
        View query = new View(in, pixel * 3 * channels, 0);
        View row = new View(out, pixel * channels, 0);
        row(query, key, value, row, pixels, channels, 1 / Math.sqrt(channels), _ -> 0);
      }
    }
  }

  private record View(MemorySegment segment, long first, int stride) {
    double at(int row, int column) {
      return get(segment, first + (long) row * stride + column);
    }
  }

  private static void row(
      View query,
      View key,
      View value,
      View target,
      int keys,
      int size,
      double scale,
      IntToDoubleFunction bias) {
    double[] weights = new double[keys];
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < keys; k++) {
      double product = 0;
      for (int i = 0; i < size; i++) {
        product += query.at(0, i) * key.at(k, i);
      }
      weights[k] = product * scale + bias.applyAsDouble(k);
      largest = Math.max(largest, weights[k]);
    }
    double sum = 0;
    for (int k = 0; k < keys; k++) {
      weights[k] = Math.exp(weights[k] - largest);
      sum += weights[k];
    }
    for (int i = 0; i < size; i++) {
      double mean = 0;
      for (int k = 0; k < keys; k++) {
        mean += weights[k] * value.at(k, i);
      }
      set(target.segment(), target.first() + i, mean / sum);
    }
  }
}
