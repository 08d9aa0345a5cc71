package wan4j.bench.random;

import java.util.stream.IntStream;
import wan4j.tensor.BFloat16;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Queries, keys and values of one head, bfloat16's numbers as float32 `[tokens, 1, head size]`,
/// and rows of their attention in float64.
public record AttentionData(Tensor query, Tensor key, Tensor value) {
  /// What queries, keys and values are like.
  public enum Kind {
    /// Normally distributed.
    NORMAL("normal", 1),
    /// Keys of an offset of ±5 in each channel, values of sizes from 1/8 to 8.
    OFFSET("offset", 1),
    /// Values with a mean of half their deviation.
    MEAN("V mean 0.5", 1),
    /// Logits of deviation 3.
    PEAKED("logit deviation 3", 3),
    /// Logits of deviation 6.
    SHARP("logit deviation 6", 6);

    private final String title;
    private final float spread; // of queries

    Kind(String title, float spread) {
      this.title = title;
      this.spread = spread;
    }

    /// Returns what the pages call it.
    public String title() {
      return title;
    }
  }

  /// Returns data of a kind.
  public static AttentionData of(Kind kind, int queries, int keys, int size) {
    float[] query = values(1, queries, size, 0, kind.spread);
    float[] key = values(2, keys, size, 0, 1);
    float[] value = values(3, keys, size, kind == Kind.MEAN ? 0.5f : 0, 1);
    if (kind == Kind.OFFSET) {
      RandomSource signs = source(4, 2, size, 0, 1);
      for (int i = 0; i < key.length; i++) {
        int channel = i % size;
        key[i] += Math.copySign(5, signs.value(channel));
        value[i] *= (float) Math.pow(2, Math.clamp(1.5f * signs.value(size + channel), -3, 3));
      }
    }
    return new AttentionData(
        tensor(query, queries, size), tensor(key, keys, size), tensor(value, keys, size));
  }

  private static RandomSource source(long seed, int tokens, int size, float mean, float spread) {
    return new RandomSource("heads", Shape.of(tokens, size), seed << 56, mean, spread);
  }

  private static float[] values(long seed, int tokens, int size, float mean, float spread) {
    return source(seed, tokens, size, mean, spread).values(0, tokens * size);
  }

  private static Tensor tensor(float[] values, int tokens, int size) {
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(BFloat16.fromFloat(values[i]));
    }
    return Tensor.of(values, tokens, 1, size);
  }

  /// Returns rows of softmax(q kᵀ scale) v, one after the other.
  public float[] rows(int[] rows, double scale) {
    float[] queries = query.toFloats();
    float[] keys = key.toFloats();
    float[] values = value.toFloats();
    int size = query.length(2);
    int count = key.length(0);
    float[] expected = new float[rows.length * size];
    IntStream.range(0, rows.length)
        .parallel()
        .forEach(i -> {
          double[] scores = new double[count];
          double most = Double.NEGATIVE_INFINITY;
          for (int j = 0; j < count; j++) {
            double sum = 0;
            for (int c = 0; c < size; c++) {
              sum += (double) queries[rows[i] * size + c] * keys[j * size + c];
            }
            scores[j] = sum * scale;
            most = Math.max(most, scores[j]);
          }
          double total = 0;
          double[] sums = new double[size];
          for (int j = 0; j < count; j++) {
            double weight = Math.exp(scores[j] - most);
            total += weight;
            for (int c = 0; c < size; c++) {
              sums[c] += weight * values[j * size + c];
            }
          }
          for (int c = 0; c < size; c++) {
            expected[i * size + c] = (float) (sums[c] / total);
          }
        });
    return expected;
  }
}
