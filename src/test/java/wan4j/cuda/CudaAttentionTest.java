package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Heads;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// The attention kernel of ours against rows in float64, at lengths where nothing comes out even
/// and with scores that its references of the first tile do not suit.
final class CudaAttentionTest {
  private static final double TOLERANCE = 3.2e-3; // weights and results in bfloat16: 2.4e-3
  private static final double SCALE = 0.09;
  private static final int[] LENGTHS = {1, 7, 79, 80, 81, 127, 128, 129, 177};
  private static final int SAMPLES = 40; // rows of long inputs

  private final Random random = new Random(3);
  private CudaOps ops;

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @BeforeEach
  void open() {
    ops = new CudaOps(0, CudaTypes.BFLOAT16);
  }

  @AfterEach
  void close() {
    ops.close();
  }

  static Stream<Arguments> shortLengths() {
    return IntStream.of(LENGTHS)
        .boxed()
        .flatMap(queries ->
            IntStream.of(LENGTHS)
                .mapToObj(keys -> Arguments.of(queries, keys, 1 + (queries + keys) % 3)));
  }

  @ParameterizedTest
  @MethodSource("shortLengths")
  void itIsAWeightedMeanOfValues(int queries, int keys, int heads) {
    for (int size : new int[] {64, 128}) {
      check(
          values(1, 0, queries, heads, size),
          values(1, 0, keys, heads, size),
          values(1, 0.5, keys, heads, size),
          TOLERANCE);
    }
  }

  /// Whole rounds, cut ones, both, and neither; few keys and many.
  @ParameterizedTest
  @CsvSource({
    "193, 5000, 2, 128",
    "1, 75600, 1, 128",
    "5566, 5566, 1, 64",
    "5566, 5566, 2, 128",
    "26000, 401, 1, 128",
    "26000, 4097, 1, 128",
    "75600, 75600, 1, 128"
  })
  void longInputsAreCutAmongBlocks(int queries, int keys, int heads, int size) {
    check(
        values(1, 0, queries, heads, size),
        values(1, 0, keys, heads, size),
        values(1, 0.5, keys, heads, size),
        TOLERANCE);
  }

  /// Scores reach thousands, far beyond what a reference of the first tile bears.
  @ParameterizedTest
  @ValueSource(ints = {64, 128})
  void scoresMayBeHuge(int size) {
    for (int keys : new int[] {300, 3001, 9000}) {
      check(
          values(40, 0, 300, 2, size),
          values(40, 0, keys, 2, size),
          values(1, 0.5, keys, 2, size),
          2e-2);
    }
  }

  /// One score of 9,000 stands alone, before, behind and among the others.
  @ParameterizedTest
  @ValueSource(ints = {0, 79, 80, 1500, 2999, 8000})
  void oneScoreMayStandFarAboveAllOthers(int place) {
    int keys = place < 3000 ? 3000 : 9000;
    float[] query = values(1, 0, 200, 1, 128).toFloats();
    float[] key = values(1, 0, keys, 1, 128).toFloats();
    for (int i = 0; i < 200; i++) {
      query[i * 128] = 100;
    }
    for (int i = 0; i < keys; i++) {
      key[i * 128] = i == place ? 1000 : 0;
    }
    check(
        Tensor.of(query, 200, 1, 128),
        Tensor.of(key, keys, 1, 128),
        values(1, 0, keys, 1, 128),
        2e-2);
  }

  /// Scores that grow or shrink along the keys take the reference of the exponents along.
  @ParameterizedTest
  @CsvSource({"false, 0.001", "true, 0.001", "false, 0.05", "true, 0.05", "false, 1", "true, 1"})
  void scoresMayGrowOrShrinkAlongTheKeys(boolean isGrowing, float slope) {
    int keys = 5000;
    float[] key = values(1, 0, 1, 1, 128).toFloats();
    float[] grown = new float[keys * 128];
    for (int i = 0; i < grown.length; i++) {
      int row = i / 128;
      grown[i] = key[i % 128] * slope * (isGrowing ? row : keys - row);
    }
    check(
        values(1, 0, 130, 1, 128),
        Tensor.of(grown, keys, 1, 128),
        values(1, 0, keys, 1, 128),
        2e-2);
  }

  @Test
  void equalScoresGiveTheMean() {
    check(
        Tensor.of(new float[200 * 128], 200, 1, 128),
        values(1, 0, 5000, 1, 128),
        values(1, 0.5, 5000, 1, 128),
        TOLERANCE);
  }

  /// Attends twice, with the result's place poisoned and zeros behind it.
  private void check(Tensor query, Tensor key, Tensor value, double tolerance) {
    try (var _ = ops.scope()) {
      Heads heads = new Heads(upload(query), upload(key), upload(value));
      float[] first = attend(heads);
      assertThat(attend(heads)).isEqualTo(first);
      int row = query.length(1) * query.length(2);
      int[] rows = rows(query.length(0));
      float[] got = new float[rows.length * row];
      for (int i = 0; i < rows.length; i++) {
        System.arraycopy(first, rows[i] * row, got, i * row, row);
      }
      assertThat(Comparison.relativeError(got, truth(heads, rows))).isLessThan(tolerance);
    }
  }

  private float[] attend(Heads heads) {
    try (var _ = ops.scope()) { // what dies with a scope is filled with NaN
      Tensor target = ops.empty(DType.BF16, heads.query().shape().toArray());
      Tensor behind = ops.empty(DType.F32, 1024);
      ops.clear(behind);
      ops.attentionByKernel(heads, SCALE, target);
      assertThat(ops.download(behind).toFloats()).containsOnly(0);
      return ops.download(target).toFloats();
    }
  }

  /// Returns all rows, or some of many, the first and the last among them.
  private int[] rows(int count) {
    return count <= 200
        ? IntStream.range(0, count).toArray()
        : IntStream.concat(IntStream.of(0, 191, 192, count - 1), random.ints(SAMPLES, 0, count))
            .toArray();
  }

  private float[] truth(Heads heads, int[] rows) {
    float[] query = ops.download(heads.query()).toFloats();
    float[] key = ops.download(heads.key()).toFloats();
    float[] value = ops.download(heads.value()).toFloats();
    int count = heads.query().length(1);
    int size = heads.query().length(2);
    int keys = heads.key().length(0);
    float[] expected = new float[rows.length * count * size];
    IntStream.range(0, rows.length * count)
        .parallel()
        .forEach(i -> {
          int head = i % count;
          double[] scores = new double[keys];
          double most = Double.NEGATIVE_INFINITY;
          for (int j = 0; j < keys; j++) {
            double sum = 0;
            for (int c = 0; c < size; c++) {
              sum +=
                  (double) query[(rows[i / count] * count + head) * size + c]
                      * key[(j * count + head) * size + c];
            }
            scores[j] = sum * SCALE;
            most = Math.max(most, scores[j]);
          }
          double total = 0;
          double[] sums = new double[size];
          for (int j = 0; j < keys; j++) {
            double weight = Math.exp(scores[j] - most);
            total += weight;
            for (int c = 0; c < size && weight > 0; c++) {
              sums[c] += weight * value[(j * count + head) * size + c];
            }
          }
          for (int c = 0; c < size; c++) {
            expected[i * size + c] = (float) (sums[c] / total);
          }
        });
    return expected;
  }

  private Tensor upload(Tensor x) {
    return ops.upload(x, DType.BF16);
  }

  private Tensor values(double spread, double mean, int... sizes) {
    float[] drawn = new float[sizes[0] * sizes[1] * sizes[2]];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = (float) (random.nextGaussian() * spread + mean);
    }
    return Tensor.of(drawn, sizes[0], sizes[1], sizes[2]);
  }
}
