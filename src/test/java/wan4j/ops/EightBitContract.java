package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static wan4j.ops.OperandFormat.Simple.PLAIN;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.cpu.CpuOps;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// What every backend must do for attention in 8 bits: codes and scales are the same bits as those
/// of the plain loops, and the result is near float64 rows of what was quantised.
public abstract class EightBitContract {
  private static final int SIZE = 128;
  private static final double SCALE = 1 / Math.sqrt(SIZE);
  private static final int SAMPLES = 24; // rows of long inputs

  private Ops ops;

  /// Returns a new backend, which the test closes.
  protected abstract Ops ops();

  /// Returns the relative error against what codes stand for: that of weights in fewer bits.
  protected abstract double weightError(EightBit format);

  /// Returns numbers of queries, and of keys, of short inputs.
  protected abstract int[] lengths();

  /// Returns the queries of inputs with many keys.
  protected abstract int queries();

  @BeforeEach
  void open() {
    ops = ops();
  }

  @AfterEach
  void close() {
    ops.close();
  }

  /// Queries, keys and values on the host, bfloat16's numbers as float32.
  protected record Inputs(Tensor query, Tensor key, Tensor value) {}

  /// What makes queries, keys and values awkward.
  protected enum Kind {
    NORMAL,
    /// Keys of a common offset, values whose channels' sizes differ.
    OFFSET,
    /// Values with a mean of half their deviation.
    MEAN,
    /// Logits of deviation 3.
    PEAKED,
    /// Logits of deviation 6.
    SHARP,
    /// A few channels and tokens that are far larger than the others.
    OUTLIERS,
    /// Scores that are all equal.
    EQUAL,
    /// Logits of ±10,000.
    HUGE
  }

  protected static Inputs inputs(Kind kind, int queries, int keys, int heads, long seed) {
    Random random = new Random(seed);
    float[] query = normal(random, queries * heads * SIZE);
    float[] key = normal(random, keys * heads * SIZE);
    float[] value = normal(random, keys * heads * SIZE);
    switch (kind) {
      case NORMAL -> {}
      case OFFSET -> {
        for (int i = 0; i < key.length; i++) {
          key[i] += (i % (heads * SIZE) * 7 % 13 < 6 ? 5 : -5);
          value[i] *= (float) Math.pow(2, i % SIZE % 7 - 3);
        }
      }
      case MEAN -> add(value, 0.5f);
      case PEAKED -> multiply(query, 3);
      case SHARP -> multiply(query, 6);
      case OUTLIERS -> {
        for (int i = 0; i < key.length; i++) {
          key[i] *= i % SIZE == 17 ? 12 : 1;
          value[i] *= i % SIZE == 5 || i / (heads * SIZE) % 50 == 3 ? 20 : 1;
        }
      }
      case EQUAL -> multiply(query, 0);
      case HUGE -> {
        multiply(query, 95);
        multiply(key, 95);
      }
    }
    return new Inputs(
        tensor(query, queries, heads), tensor(key, keys, heads), tensor(value, keys, heads));
  }

  private static float[] normal(Random random, int count) {
    float[] drawn = new float[count];
    for (int i = 0; i < count; i++) {
      drawn[i] = (float) random.nextGaussian();
    }
    return drawn;
  }

  private static void add(float[] values, float mean) {
    for (int i = 0; i < values.length; i++) {
      values[i] += mean;
    }
  }

  private static void multiply(float[] values, float factor) {
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
  }

  private static Tensor tensor(float[] values, int tokens, int heads) {
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(BFloat16.fromFloat(values[i]));
    }
    return Tensor.of(values, tokens, heads, SIZE);
  }

  static Heads upload(Ops ops, Inputs inputs) {
    DType type = ops.activation();
    return new Heads(
        ops.upload(inputs.query, type),
        ops.upload(inputs.key, type),
        ops.upload(inputs.value, type));
  }

  private static QuantizedHeads quantized(Ops ops, EightBit format, Inputs inputs) {
    Heads heads = upload(ops, inputs);
    QuantizedHeads target =
        QuantizedHeads.of(ops, format, heads.queries(), heads.keys(), heads.heads(), SIZE);
    ops.writeHeads(heads, SequenceGroup.SOLO, target);
    return target;
  }

  // ---- codes and scales

  static Stream<Arguments> everyFormatAndLength() {
    return Arrays.stream(EightBit.values())
        .flatMap(format ->
            IntStream.of(1, 31, 32, 33, 129, 193, 1000)
                .mapToObj(keys -> Arguments.of(format, keys)));
  }

  @ParameterizedTest
  @MethodSource("everyFormatAndLength")
  void codesAndScalesAreThoseOfThePlainLoops(EightBit format, int keys) {
    for (Kind kind : List.of(Kind.NORMAL, Kind.OFFSET, Kind.OUTLIERS, Kind.EQUAL)) {
      Inputs inputs = inputs(kind, keys / 2 + 1, keys, 2, keys);
      try (CpuOps scalar = CpuOps.scalar();
          Scope _ = scalar.scope();
          Scope _ = ops.scope()) {
        List<Tensor> expected = codes(scalar, quantized(scalar, format, inputs));
        List<Tensor> got = codes(ops, quantized(ops, format, inputs));
        assertThat(got).hasSameSizeAs(expected);
        for (int i = 0; i < got.size(); i++) {
          assertThat(got.get(i).segment().mismatch(expected.get(i).segment()))
              .as("%s %s", kind, got.get(i))
              .isEqualTo(-1);
        }
      }
    }
  }

  /// Returns the codes and what belongs to them, on the host.
  private static List<Tensor> codes(Ops ops, QuantizedHeads heads) {
    List<Tensor> codes = new ArrayList<>();
    if (heads.format().hasNarrowScores()) {
      codes.addAll(List.of(heads.query(), heads.queryScales(), heads.key(), heads.keyScales()));
    }
    if (heads.format().hasNarrowValues()) {
      codes.addAll(List.of(heads.value(), heads.valueScales(), heads.valueMeans()));
    }
    return codes.stream().map(ops::download).toList();
  }

  /// What norm and rotation deliver stands for what they deliver as heads.
  @ParameterizedTest
  @EnumSource(EightBit.class)
  void queryKeyValueQuantisesWhatItRotates(EightBit format) {
    int tokens = 207;
    int heads = 2;
    int dim = heads * SIZE;
    Random random = new Random(5);
    Tensor qkv = flat(random, tokens, 3 * dim);
    Tensor weight = flat(random, dim);
    Tensor rope = Tensor.of(normal(random, tokens * SIZE), tokens, SIZE);
    float[] plain = attended(AttentionFormat.Simple.PLAIN, heads, qkv, weight, rope);
    float[] narrow = attended(format, heads, qkv, weight, rope);
    // normal rows, of which a channel in 13 is rotated to another length
    assertThat(Comparison.relativeError(narrow, plain)).isLessThan(error(format, Kind.PEAKED));
  }

  private float[] attended(
      AttentionFormat format, int heads, Tensor qkv, Tensor weight, Tensor rope) {
    try (Scope _ = ops.scope()) {
      Tensor spare = ops.empty(ops.activation(), qkv.length(0), weight.length(0));
      AttentionInput input = ops.attentionInput(format, heads, spare, SequenceGroup.SOLO);
      Tensor norm = ops.upload(weight, DType.F32);
      ops.queryKeyValue(
          ops.upload(qkv, ops.activation()),
          norm,
          norm,
          1e-6,
          ops.upload(rope, DType.F32),
          SequenceGroup.SOLO,
          input);
      return ops.download(ops.attention(input, SCALE / 4, PLAIN).values()).toFloats();
    }
  }

  private static Tensor flat(Random random, int... sizes) {
    int count = IntStream.of(sizes).reduce(1, (a, b) -> a * b);
    float[] values = normal(random, count);
    for (int i = 0; i < count; i++) {
      values[i] = BFloat16.toFloat(BFloat16.fromFloat(values[i]));
    }
    return Tensor.of(values, IntStream.of(sizes).asLongStream().toArray());
  }

  // ---- attention

  /// The largest error against rows of what was quantised, over a thousand keys: 1.3 times that of
  /// the arithmetic in float64, with a result in bfloat16.
  private static double error(EightBit format, Kind kind) {
    return switch (format) {
      case INT8 ->
          switch (kind) {
            case NORMAL, OFFSET, PEAKED -> 5.1e-2;
            case SHARP -> 6e-2;
            case MEAN -> 5.6e-3;
            case OUTLIERS -> 12e-2;
            case EQUAL, HUGE -> 3.9e-2;
          };
      case FLOAT8 ->
          switch (kind) {
            case NORMAL, OFFSET -> 6.9e-2;
            case MEAN -> 7.6e-3;
            case PEAKED -> 12.6e-2;
            case SHARP -> 15.2e-2;
            case OUTLIERS -> 11e-2;
            case EQUAL, HUGE -> 3.9e-2;
          };
      case INT8_SCORES ->
          switch (kind) {
            case NORMAL, OFFSET -> 1.4e-2;
            case MEAN, EQUAL, HUGE -> 3.4e-3;
            case PEAKED -> 3.2e-2;
            case SHARP -> 3.7e-2;
            case OUTLIERS -> 12e-2;
          };
      case INT8_VALUES ->
          switch (kind) {
            case NORMAL, OFFSET -> 1.3e-2;
            case MEAN -> 2.9e-3;
            case PEAKED, SHARP -> 1.1e-2;
            case OUTLIERS -> 3.7e-2;
            case EQUAL, HUGE -> 9.8e-3;
          };
    };
  }

  static Stream<Arguments> everyFormatAndKind() {
    return Arrays.stream(EightBit.values())
        .flatMap(format -> Arrays.stream(Kind.values()).map(kind -> Arguments.of(format, kind)));
  }

  @ParameterizedTest
  @MethodSource("everyFormatAndKind")
  void itIsNearFloat64Rows(EightBit format, Kind kind) {
    for (int seed = 1; seed <= 2; seed++) {
      Inputs inputs = inputs(kind, queries(), 1000, 2, seed);
      if (kind == Kind.HUGE) { // one key has all weight, and which one is the codes' choice
        checkWeights(format, inputs, 5e-3);
      } else {
        check(format, inputs, error(format, kind));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(EightBit.class)
  void everyLengthIsAttendedTo(EightBit format) {
    for (int queries : lengths()) {
      for (int keys : lengths()) {
        int heads = 1 + (queries + keys) % 3;
        checkWeights(format, inputs(Kind.MEAN, queries, keys, heads, queries * 1000L + keys), 0);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(EightBit.class)
  void longInputsAreCutAmongBlocks(EightBit format) {
    check(format, inputs(Kind.NORMAL, 2 * queries(), 5566, 1, 9), error(format, Kind.NORMAL));
    check(format, inputs(Kind.MEAN, 1, 5566, 2, 9), error(format, Kind.MEAN));
  }

  /// Attends twice and compares some rows with float64 ones of what was quantised.
  protected void check(EightBit format, Inputs inputs, double within) {
    check(format, inputs, rows(inputs.query.length(0)), within);
  }

  /// Attends twice and compares these rows with float64 ones of what was quantised.
  protected void check(EightBit format, Inputs inputs, int[] rows, double within) {
    try (Scope _ = ops.scope()) {
      QuantizedHeads heads = quantized(ops, format, inputs);
      float[] got = attend(heads);
      assertThat(Comparison.relativeError(picked(got, rows, heads), truth(inputs, rows)))
          .isLessThan(within);
    }
  }

  /// Compares with the plain loops over what the codes stand for; `more` is what float32 scores add
  /// to the error of weights.
  private void checkWeights(EightBit format, Inputs inputs, double more) {
    try (Scope _ = ops.scope();
        CpuOps scalar = CpuOps.scalar();
        Scope _ = scalar.scope()) {
      QuantizedHeads heads = quantized(ops, format, inputs);
      float[] got = attend(heads);
      QuantizedHeads same = quantized(scalar, format, inputs);
      float[] expected = scalar.download(scalar.attention(same, SCALE, PLAIN).values()).toFloats();
      assertThat(Comparison.relativeError(got, expected))
          .as("%s queries over %s keys", heads.queries(), heads.keys())
          .isLessThan(weightError(format) + more);
    }
  }

  private float[] attend(QuantizedHeads heads) {
    float[] first = attendOnce(heads);
    assertThat(attendOnce(heads)).isEqualTo(first);
    return first;
  }

  private float[] attendOnce(QuantizedHeads heads) {
    try (Scope _ = ops.scope()) { // what dies with a scope is filled with NaN
      return ops.download(ops.attention(heads, SCALE, PLAIN).values()).toFloats();
    }
  }

  static int[] rows(int count) {
    return count <= 180
        ? IntStream.range(0, count).toArray()
        : IntStream.concat(
                IntStream.of(0, 191, 192, count - 1), new Random(count).ints(SAMPLES, 0, count))
            .toArray();
  }

  static float[] picked(float[] all, int[] rows, AttentionInput heads) {
    int row = heads.heads() * heads.headSize();
    float[] some = new float[rows.length * row];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(all, rows[i] * row, some, i * row, row);
    }
    return some;
  }

  static float[] truth(Inputs inputs, int[] rows) {
    return truth(inputs, rows, (_, _) -> IntStream.range(0, inputs.key.length(0)));
  }

  /// Which keys a row of a head sees.
  interface Seen {
    IntStream keys(int row, int head);
  }

  /// Returns rows of softmax(q kᵀ scale) v in float64.
  static float[] truth(Inputs inputs, int[] rows, Seen seen) {
    float[] query = inputs.query.toFloats();
    float[] key = inputs.key.toFloats();
    float[] value = inputs.value.toFloats();
    int count = inputs.query.length(1);
    float[] expected = new float[rows.length * count * SIZE];
    IntStream.range(0, rows.length * count)
        .parallel()
        .forEach(i -> {
          int head = i % count;
          int[] keys = seen.keys(rows[i / count], head).toArray();
          double[] scores = new double[keys.length];
          double most = Double.NEGATIVE_INFINITY;
          for (int j = 0; j < keys.length; j++) {
            double sum = 0;
            for (int c = 0; c < SIZE; c++) {
              sum +=
                  (double) query[(rows[i / count] * count + head) * SIZE + c]
                      * key[(keys[j] * count + head) * SIZE + c];
            }
            scores[j] = sum * SCALE;
            most = Math.max(most, scores[j]);
          }
          double total = 0;
          double[] sums = new double[SIZE];
          for (int j = 0; j < keys.length; j++) {
            double weight = Math.exp(scores[j] - most);
            total += weight;
            for (int c = 0; c < SIZE && weight > 0; c++) {
              sums[c] += weight * value[(keys[j] * count + head) * SIZE + c];
            }
          }
          for (int c = 0; c < SIZE; c++) {
            expected[i * SIZE + c] = (float) (sums[c] / total);
          }
        });
    return expected;
  }

  // ---- lists of key blocks

  static List<AttentionFormat> formats() {
    return Stream.<AttentionFormat>concat(
            Stream.of(AttentionFormat.Simple.PLAIN), Stream.of(EightBit.values()))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void onlyListedKeysAreSeen(AttentionFormat format) {
    int heads = 2;
    int keys = 1000; // the last block has 40
    Inputs inputs = inputs(Kind.MEAN, 400, keys, heads, 4);
    int queries = KeyBlocks.queries(format);
    int tiles = Math.ceilDiv(400, queries);
    int all = Math.ceilDiv(keys, KeyBlocks.KEYS);
    Random random = new Random(8);
    int[] counts = new int[heads * tiles];
    int[] blocks = new int[counts.length * all];
    Arrays.fill(blocks, 99_999); // nobody reads beyond the counts
    for (int list = 0; list < counts.length; list++) {
      for (int block = 0; block < all; block++) {
        boolean isLast = block == all - 1;
        if (random.nextInt(4) == 0 || (isLast && (list % 2 == 0 || counts[list] == 0))) {
          blocks[list * all + counts[list]++] = block;
        }
      }
    }
    int[] rows = rows(400);
    Seen seen =
        (row, head) -> {
          int list = head * tiles + row / queries;
          return IntStream.range(list * all, list * all + counts[list])
              .flatMap(at ->
                  IntStream.range(
                      blocks[at] * KeyBlocks.KEYS,
                      Math.min(keys, (blocks[at] + 1) * KeyBlocks.KEYS)));
        };
    try (Scope _ = ops.scope()) {
      AttentionInput input =
          switch (format) {
            case AttentionFormat.Simple.PLAIN -> upload(ops, inputs);
            case EightBit narrow -> quantized(ops, narrow, inputs);
          };
      KeyBlocks lists =
          new KeyBlocks(
              ops.upload(Tensor.of(counts, heads, tiles), DType.I32),
              ops.upload(Tensor.of(blocks, heads, tiles, all), DType.I32));
      float[] got = ops.download(ops.attention(input, lists, SCALE, PLAIN).values()).toFloats();
      double within = format instanceof EightBit narrow ? error(narrow, Kind.NORMAL) : 3.2e-3;
      assertThat(Comparison.relativeError(picked(got, rows, input), truth(inputs, rows, seen)))
          .isLessThan(within);
    }
  }

  @Test
  void listsMustFitTheirQueries() {
    try (Scope _ = ops.scope()) {
      Heads heads = upload(ops, inputs(Kind.NORMAL, 193, 64, 1, 1));
      KeyBlocks one = new KeyBlocks(ops.empty(DType.I32, 1, 1), ops.empty(DType.I32, 1, 1, 1));
      assertThatThrownBy(() -> ops.attention(heads, one, SCALE, PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1 heads and 2 tiles of 192 queries");
    }
  }

  @Test
  void aBiasTakesNoCodes() {
    try (Scope _ = ops.scope()) {
      QuantizedHeads heads = quantized(ops, EightBit.INT8, inputs(Kind.NORMAL, 3, 3, 1, 1));
      Tensor bias = ops.empty(DType.F32, 1, 5);
      assertThatThrownBy(() -> ops.relativeAttention(heads, bias, 3, PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("INT8");
    }
  }
}
