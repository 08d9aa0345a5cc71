package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import wan4j.cpu.Gemm.Matrix;
import wan4j.ops.Heads;
import wan4j.tensor.Tensor;

/// Attention in tiles of queries and keys with a running maximum and sum of every query (the idea
/// of FlashAttention), so that no whole row of scores is kept in memory.
final class TiledAttention {
  private static final int QUERIES = 256;
  private static final int KEYS = 1024; // with QUERIES queries, 1 MiB of scores

  private final Workers workers;
  private final Gemm gemm;

  TiledAttention(Workers workers, Gemm gemm) {
    this.workers = workers;
    this.gemm = gemm;
  }

  /// softmax(q kᵀ scale) v for every head.
  void attention(Heads heads, double scale, Tensor target) {
    heads(heads, scale, null, heads.key().length(0), target);
  }

  /// softmax(q kᵀ + bias of the distance) v over the first keys.
  void relative(Heads heads, Tensor bias, int keys, Tensor target) {
    heads(heads, 1, bias, keys, target);
  }

  /// softmax(q kᵀ scale) v over the keys of each query's own group: neighbours of one group are a
  /// tile.
  void grouped(Heads heads, Tensor rows, int keys, double scale, Tensor target) {
    int[] groups = rows.toInts();
    int[] starts = starts(groups);
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int dim = count * size;
    workers.run(
        (starts.length - 1) * count,
        (task, scratch) -> {
          int first = starts[task / count];
          int end = starts[task / count + 1];
          long column = (long) (task % count) * size;
          long key = (long) groups[first] * keys * dim + column;
          Tile tile =
              new Tile(
                  Matrix.at(heads.query().segment(), (long) first * dim + column, dim),
                  Matrix.at(heads.key().segment(), key, dim),
                  Matrix.at(heads.value().segment(), key, dim),
                  Matrix.at(target.segment(), (long) first * dim + column, dim),
                  end - first,
                  keys,
                  size,
                  (float) scale);
          tile(tile, null, 0, scratch);
        });
  }

  /// Returns where runs of at most a tile's queries of one group begin, and the end of the last.
  private static int[] starts(int[] groups) {
    List<Integer> starts = new ArrayList<>();
    int run = 0;
    for (int i = 0; i < groups.length; i++) {
      if (i == 0 || groups[i] != groups[i - 1] || run == QUERIES) {
        starts.add(i);
        run = 0;
      }
      run++;
    }
    starts.add(groups.length);
    return starts.stream().mapToInt(Integer::intValue).toArray();
  }

  private void heads(Heads heads, double scale, Tensor bias, int keys, Tensor target) {
    int queries = heads.query().length(0);
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int dim = count * size;
    int tiles = Math.ceilDiv(queries, QUERIES);
    workers.run(
        tiles * count,
        (task, scratch) -> {
          int head = task / tiles;
          int first = task % tiles * QUERIES;
          long column = (long) head * size;
          Tile tile =
              new Tile(
                  Matrix.at(heads.query().segment(), (long) first * dim + column, dim),
                  Matrix.at(heads.key().segment(), column, dim),
                  Matrix.at(heads.value().segment(), column, dim),
                  Matrix.at(target.segment(), (long) first * dim + column, dim),
                  Math.min(QUERIES, queries - first),
                  keys,
                  size,
                  (float) scale);
          MemorySegment biases = bias == null ? null : bias.segment();
          // where query 0 of the tile finds the bias of key 0
          long zero = head * (2L * queries - 1) + queries - 1 - first;
          tile(tile, biases, zero, scratch);
        });
  }

  /// softmax(q kᵀ / sqrt(channels)) v within each frame.
  void frame(Tensor qkv, Tensor target) {
    int pixels = qkv.length(1) * qkv.length(2);
    int channels = qkv.length(3) / 3;
    int tiles = Math.ceilDiv(pixels, QUERIES);
    int row = 3 * channels;
    workers.run(
        tiles * qkv.length(0),
        (task, scratch) -> {
          MemorySegment in = qkv.at(task / tiles).segment();
          MemorySegment out = target.at(task / tiles).segment();
          int first = task % tiles * QUERIES;
          Tile tile =
              new Tile(
                  Matrix.at(in, (long) first * row, row),
                  Matrix.at(in, channels, row),
                  Matrix.at(in, 2L * channels, row),
                  Matrix.at(out, (long) first * channels, channels),
                  Math.min(QUERIES, pixels - first),
                  pixels,
                  channels,
                  (float) (1 / Math.sqrt(channels)));
          tile(tile, null, 0, scratch);
        });
  }

  /// The queries of one tile with all their keys.
  private record Tile(
      Matrix query,
      Matrix key,
      Matrix value,
      Matrix target,
      int queries,
      int keys,
      int size,
      float scale) {}

  private void tile(Tile tile, MemorySegment biases, long zero, MemorySegment scratch) {
    Matrix scores = new Matrix(scratch, KEYS);
    float[] largest = new float[tile.queries];
    float[] sums = new float[tile.queries];
    for (int first = 0; first < tile.keys; first += KEYS) {
      int count = Math.min(KEYS, tile.keys - first);
      Matrix key =
          Matrix.at(tile.key.segment(), (long) first * tile.key.stride(), tile.key.stride());
      gemm.multiply(true, tile.queries, count, tile.size, tile.scale, tile.query, key, 0, scores);
      for (int query = 0; query < tile.queries; query++) {
        long row = (long) query * KEYS;
        long bias = zero - query + first;
        float before = first == 0 ? Float.NEGATIVE_INFINITY : largest[query];
        largest[query] = Math.max(before, maximum(scratch, row, count, biases, bias));
        float sum = exponentials(scratch, row, count, largest[query]);
        if (first > 0) {
          float factor = (float) Math.exp((double) before - largest[query]);
          sum += sums[query] * factor;
          scale(tile.target.segment(), (long) query * tile.target.stride(), tile.size, factor);
        }
        sums[query] = sum;
      }
      Matrix value =
          Matrix.at(tile.value.segment(), (long) first * tile.value.stride(), tile.value.stride());
      float kept = first == 0 ? 0 : 1;
      gemm.multiply(false, tile.queries, tile.size, count, 1, scores, value, kept, tile.target);
    }
    for (int query = 0; query < tile.queries; query++) {
      long row = (long) query * tile.target.stride();
      scale(tile.target.segment(), row, tile.size, 1 / sums[query]);
    }
  }

  /// Adds the biases, if any, to a row of scores and returns the largest.
  private static float maximum(
      MemorySegment scores, long row, int count, MemorySegment biases, long bias) {
    FloatVector largest = FloatVector.broadcast(Vectors.SPECIES, Float.NEGATIVE_INFINITY);
    int bound = Vectors.SPECIES.loopBound(count);
    for (int i = 0; i < bound; i += Vectors.LANES) {
      FloatVector score = Vectors.load(scores, row + i);
      if (biases != null) {
        score = score.add(Vectors.load(biases, bias + i));
        Vectors.store(score, scores, row + i);
      }
      largest = largest.max(score);
    }
    float result = largest.reduceLanes(VectorOperators.MAX);
    for (int i = bound; i < count; i++) {
      float score = Floats.get(scores, row + i);
      if (biases != null) {
        score += Floats.get(biases, bias + i);
        Floats.set(scores, row + i, score);
      }
      result = Math.max(result, score);
    }
    return result;
  }

  /// Turns scores into exponentials below the largest and returns their sum.
  private static float exponentials(MemorySegment scores, long row, int count, float largest) {
    FloatVector sums = FloatVector.zero(Vectors.SPECIES);
    int bound = Vectors.SPECIES.loopBound(count);
    for (int i = 0; i < bound; i += Vectors.LANES) {
      FloatVector weight = Vectors.exponential(Vectors.load(scores, row + i).sub(largest));
      Vectors.store(weight, scores, row + i);
      sums = sums.add(weight);
    }
    float sum = (float) Vectors.sum(sums);
    for (int i = bound; i < count; i++) {
      float weight = (float) Math.exp(Floats.get(scores, row + i) - largest);
      Floats.set(scores, row + i, weight);
      sum += weight;
    }
    return sum;
  }

  private static void scale(MemorySegment target, long row, int size, float factor) {
    int bound = Vectors.SPECIES.loopBound(size);
    for (int i = 0; i < bound; i += Vectors.LANES) {
      Vectors.store(Vectors.load(target, row + i).mul(factor), target, row + i);
    }
    VectorMask<Float> mask = Vectors.mask(size - bound);
    if (bound < size) {
      FloatVector rest = Vectors.load(target, row + bound, mask).mul(factor);
      Vectors.store(rest, target, row + bound, mask);
    }
  }
}
