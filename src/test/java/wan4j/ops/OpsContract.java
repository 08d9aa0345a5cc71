package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static wan4j.ops.OperandFormat.Simple.FLOAT32;
import static wan4j.ops.OperandFormat.Simple.PLAIN;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What every backend must do for transformers: each operation against plain loops, at awkward
/// sizes.
public abstract class OpsContract {
  private static final double EPSILON = 1e-6;

  private Truth truth;

  /// Returns a new backend, which the test closes.
  protected abstract Ops ops();

  /// Returns the relative error that rounding to the backend's types explains.
  protected abstract double tolerance();

  @BeforeEach
  void open() {
    truth = new Truth(ops(), tolerance());
  }

  @AfterEach
  void close() {
    truth.close();
  }

  @Test
  void whatIsUploadedComesBack() {
    Tensor x = truth.values(13, 207);
    truth.compare(0, ops -> ops.upload(x, DType.F32));
    truth.compare(0, ops -> ops.upload(x, DType.BF16));
    Tensor ids = truth.integers(1000, 207);
    truth.compare(0, ops -> ops.upload(ids, DType.I32));
  }

  @ParameterizedTest
  @CsvSource({"7, 4, 24", "1, 5, 3", "33, 2, 128", "4, 7, 1", "3, 1, 6"})
  void swapPutsTheSecondAxisFirst(int a, int b, int c) {
    Tensor x = truth.values(a, b, c);
    for (DType type : List.of(DType.F32, DType.BF16)) {
      truth.compare(
          0,
          ops -> {
            Tensor target = ops.empty(type, b, a, c);
            ops.swap(ops.upload(x, type), target);
            return target;
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"7, 4, 24, 8, 24, 0, 8", "5, 3, 10, 0, 15, 5, 5", "4, 2, 3, 1, 2, 1, 1"})
  void swapMovesSomeColumns(int a, int b, int c, int first, int d, int at, int count) {
    Tensor x = truth.values(a, b, c);
    for (DType type : List.of(DType.F32, DType.BF16)) {
      truth.compare(
          0,
          ops -> {
            Tensor target = ops.empty(type, b, a, d);
            ops.clear(target);
            ops.swap(ops.upload(x, type), first, target, at, count);
            return target;
          });
    }
  }

  @Test
  void copyConvertsAndClearZeroes() {
    Tensor x = truth.values(13, 20);
    truth.compare(
        0,
        ops -> {
          Tensor target = ops.empty(DType.BF16, 20, 13);
          ops.copy(ops.upload(x, DType.F32), target);
          ops.clear(target.slice(5, 2));
          return target;
        });
  }

  @Test
  void embeddingPicksRows() {
    Tensor table = truth.values(50, 64);
    Tensor ids = truth.integers(50, 13);
    truth.compare(
        ops -> ops.embedding(ops.upload(table, ops.activation()), ops.upload(ids, DType.I32)));
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 16", "13, 256, 208", "207, 96, 384", "1, 5120, 48"})
  void linearMultipliesByTheTransposedWeightAndAddsTheBias(int rows, int inputs, int outputs) {
    Tensor x = truth.values(rows, inputs);
    for (DType stored : List.of(DType.F32, DType.BF16)) {
      TensorSource weight = truth.source(stored, 0.1, outputs, inputs);
      TensorSource bias = truth.source(stored, 1, outputs);
      for (Precision precision : List.of(Precision.PLAIN, Precision.FLOAT32)) {
        truth.compare(
            ops -> linear(ops, x, List.of(weight), List.of(bias), precision, Activation.NONE));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Activation.class)
  void linearAppliesTheFunctionThatFollows(Activation activation) {
    Tensor x = truth.normal(2, 0, 13, 64);
    TensorSource weight = truth.source(DType.F32, 0.2, 208, 64);
    TensorSource bias = truth.source(DType.F32, 1, 208);
    truth.compare(
        ops -> linear(ops, x, List.of(weight), List.of(bias), Precision.PLAIN, activation));
  }

  @Test
  void stackedWeightsAreOneLayer() {
    Tensor x = truth.values(13, 64);
    List<TensorSource> weights =
        List.of(
            truth.source(DType.F32, 0.1, 16, 64),
            truth.source(DType.BF16, 0.1, 32, 16, 1, 2, 2),
            truth.source(DType.F32, 0.1, 16, 64));
    List<TensorSource> biases =
        List.of(
            truth.source(DType.F32, 1, 16),
            truth.source(DType.F32, 1, 32),
            truth.source(DType.F32, 1, 16));
    truth.compare(ops -> linear(ops, x, weights, biases, Precision.PLAIN, Activation.NONE));
    truth.compare(ops -> linear(ops, x, weights, List.of(), Precision.PLAIN, Activation.NONE));
  }

  private static Tensor linear(
      Ops ops,
      Tensor x,
      List<TensorSource> weights,
      List<TensorSource> biases,
      Precision precision,
      Activation activation) {
    try (Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(weights, biases, precision);
      OperandFormat want = layer.input(Branch.CONDITIONAL);
      DType type = precision == Precision.FLOAT32 ? DType.F32 : ops.activation();
      Operand operand = ops.operand(ops.upload(x, type), want);
      Tensor result = ops.linear(operand, layer, activation);
      ops.synchronize();
      return result;
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 32", "13, 208", "207, 1024"})
  void functionsAreElementwise(int rows, int columns) {
    Tensor x = truth.normal(3, 0, rows, 2L * columns);
    truth.compare(ops -> ops.gatedGelu(ops.upload(x, ops.activation()), PLAIN).values());
    for (Activation function : Activation.values()) {
      truth.compare(ops -> ops.activate(ops.upload(x, DType.F32), function));
      truth.compare(ops -> ops.activate(ops.upload(x, ops.activation()), function));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 13})
  void modulationAddsTheTimestepToTheTable(int groups) {
    Tensor table = truth.values(6, 96);
    Tensor each = truth.values(groups, 6 * 96);
    Tensor shared = truth.values(groups, 96);
    for (Tensor timestep : List.of(each, shared)) {
      truth.compare(
          ops -> ops.modulation(ops.upload(table, DType.F32), ops.upload(timestep, DType.F32)));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 1", "13, 96, 13", "207, 1536, 2", "13, 5120, 1"})
  void normsKeepTheirFormulas(int tokens, int dim, int groups) {
    Tensor x = truth.normal(3, 0.5, tokens, dim);
    Tensor shift = truth.values(groups, dim);
    Tensor scale = truth.normal(0.3, 0, groups, dim);
    Tensor weight = truth.normal(0.3, 1, dim);
    Tensor bias = truth.values(dim);
    Tensor rows = truth.integers(groups, tokens);
    truth.compare(ops ->
        ops.modulatedNorm(
                ops.upload(x, ops.residual()),
                ops.upload(shift, DType.F32),
                ops.upload(scale, DType.F32),
                ops.upload(rows, DType.I32),
                EPSILON,
                PLAIN)
            .values());
    truth.compare(ops -> {
      Tensor factors = ops.upload(weight, DType.F32);
      Tensor offsets = ops.upload(bias, DType.F32);
      Tensor values = ops.upload(x, ops.residual());
      return ops.layerNorm(values, factors, offsets, EPSILON, FLOAT32).values();
    });
    truth.compare(ops -> {
      Tensor factors = ops.upload(weight, DType.F32);
      return ops.rmsNorm(ops.upload(x, ops.activation()), factors, EPSILON, PLAIN).values();
    });
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 32", "13, 3, 64", "207, 2, 128"})
  void queryKeyValueNormalisesAndRotates(int tokens, int heads, int size) {
    int dim = heads * size;
    Tensor qkv = truth.normal(2, 0.1, tokens, 3L * dim);
    Tensor queryWeight = truth.normal(0.3, 1, dim);
    Tensor keyWeight = truth.normal(0.3, 1, dim);
    Tensor rope = truth.values(tokens, size);
    for (int part = 0; part < 3; part++) {
      int chosen = part;
      truth.compare(ops -> {
        Tensor spare = ops.empty(ops.activation(), tokens, dim);
        AttentionInput target =
            ops.attentionInput(AttentionFormat.Simple.PLAIN, heads, spare, SequenceGroup.SOLO);
        ops.queryKeyValue(
            ops.upload(qkv, ops.activation()),
            ops.upload(queryWeight, DType.F32),
            ops.upload(keyWeight, DType.F32),
            EPSILON,
            ops.upload(rope, DType.F32),
            SequenceGroup.SOLO,
            target);
        Heads plain = (Heads) target;
        return List.of(plain.query(), plain.key(), plain.value()).get(chosen);
      });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 32",
    "13, 1, 2, 64",
    "1, 207, 3, 128",
    "207, 207, 2, 128",
    "130, 517, 1, 64",
    "1, 128, 2, 128",
    "300, 1000, 3, 128",
    "129, 2049, 5, 128",
    "7, 512, 2, 128",
    "177, 513, 2, 64",
    "1, 5566, 1, 128",
    "193, 639, 1, 128"
  })
  void attentionIsAWeightedMeanOfValues(int queries, int keys, int heads, int size) {
    Tensor query = truth.values(queries, heads, size);
    Tensor key = truth.values(keys, heads, size);
    Tensor value = truth.values(keys, heads, size);
    truth.compare(
        ops -> ops.attention(heads(ops, query, key, value), 1 / Math.sqrt(size), PLAIN).values());
  }

  @Test
  void attentionSurvivesLargeScores() {
    Tensor query = truth.normal(40, 0, 13, 2, 64);
    Tensor key = truth.normal(40, 0, 33, 2, 64);
    Tensor value = truth.values(33, 2, 64);
    truth.compare(ops -> ops.attention(heads(ops, query, key, value), 0.125, PLAIN).values());
  }

  /// Queries of each group follow each other, as a rank has them that begins within one, or are
  /// mixed.
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 32",
    "13, 2, 5, 3, 12",
    "207, 3, 5, 2, 128",
    "600, 2, 5, 2, 64",
    "33, 4, 1, 5, 80",
    "20, 2, 40, 1, 256"
  })
  void groupedAttentionSeesTheKeysOfItsOwnGroup(
      int queries, int groups, int keys, int heads, int size) {
    Tensor query = truth.values(queries, heads, size);
    Tensor key = truth.values((long) groups * keys, heads, size);
    Tensor value = truth.values((long) groups * keys, heads, size);
    Tensor mixed = truth.integers(groups, queries);
    int[] sorted = mixed.toInts();
    Arrays.sort(sorted);
    for (Tensor rows : List.of(mixed, Tensor.of(sorted, queries))) {
      truth.compare(ops ->
          ops.groupedAttention(
                  heads(ops, query, key, value),
                  ops.upload(rows, DType.I32),
                  keys,
                  1 / Math.sqrt(size),
                  PLAIN)
              .values());
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 2, 64", "13, 7, 3, 32", "207, 131, 2, 64", "64, 64, 1, 128"})
  void relativeAttentionAddsTheBiasOfTheDistance(int tokens, int keys, int heads, int size) {
    Tensor query = truth.normal(0.3, 0, tokens, heads, size);
    Tensor key = truth.normal(0.3, 0, tokens, heads, size);
    Tensor value = truth.values(tokens, heads, size);
    Tensor bias = truth.normal(2, 0, heads, 2L * tokens - 1);
    truth.compare(ops -> {
      Tensor biases = ops.upload(bias, DType.F32);
      Heads parts = heads(ops, query, key, value);
      return ops.relativeAttention(parts, biases, keys, PLAIN).values();
    });
  }

  private static Heads heads(Ops ops, Tensor query, Tensor key, Tensor value) {
    DType type = ops.activation();
    return new Heads(ops.upload(query, type), ops.upload(key, type), ops.upload(value, type));
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 1", "13, 96, 2", "207, 1536, 207"})
  void additionsChangeTheResidualStreamInPlace(int tokens, int dim, int groups) {
    Tensor x = truth.values(tokens, dim);
    Tensor y = truth.values(tokens, dim);
    Tensor gate = truth.values(groups, dim);
    Tensor rows = truth.integers(groups, tokens);
    truth.compare(ops -> {
      Tensor stream = ops.upload(x, ops.residual());
      Tensor change = ops.upload(y, ops.activation());
      ops.gatedAdd(stream, change, ops.upload(gate, DType.F32), ops.upload(rows, DType.I32));
      ops.add(stream, change);
      return stream;
    });
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 1", "13, 104, 2", "207, 1536, 207", "13, 5120, 1"})
  void additionsAndNormsInOnePassAreBoth(int tokens, int dim, int groups) {
    Tensor x = truth.normal(3, 0.5, tokens, dim);
    Tensor y = truth.normal(2, 1, tokens, dim);
    Tensor first = truth.normal(0.5, 0, groups, dim);
    Tensor second = truth.normal(0.3, 0, groups, dim);
    Tensor weight = truth.normal(0.3, 1, dim);
    Tensor bias = truth.values(dim);
    Tensor rows = truth.integers(groups, tokens);
    for (boolean isGated : List.of(false, true)) {
      for (boolean isStream : List.of(false, true)) {
        truth.compare(ops -> {
          Tensor stream = ops.upload(x, ops.residual());
          Change change = change(ops, y, isGated ? first : null, rows);
          Operand normed =
              ops.layerNorm(
                  stream,
                  change,
                  ops.upload(weight, DType.F32),
                  ops.upload(bias, DType.F32),
                  EPSILON,
                  PLAIN);
          return isStream ? stream : normed.values();
        });
        truth.compare(ops -> {
          Tensor stream = ops.upload(x, ops.residual());
          Change change = change(ops, y, isGated ? first : null, rows);
          Operand normed =
              ops.modulatedNorm(
                  stream,
                  change,
                  ops.upload(second, DType.F32),
                  ops.upload(first, DType.F32),
                  ops.upload(rows, DType.I32),
                  EPSILON,
                  PLAIN);
          return isStream ? stream : normed.values();
        });
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"13, 96", "207, 5120"})
  void aGateAndANormMayHaveGroupsOfTheirOwn(int tokens, int dim) {
    Tensor x = truth.normal(3, 0.5, tokens, dim);
    Tensor y = truth.values(tokens, dim);
    Tensor gate = truth.values(3, dim);
    Tensor shift = truth.values(2, dim);
    Tensor scale = truth.values(2, dim);
    Tensor gated = truth.integers(3, tokens);
    Tensor rows = truth.integers(2, tokens);
    for (boolean isStream : new boolean[] {true, false}) {
      truth.compare(ops -> {
        Tensor stream = ops.upload(x, ops.residual());
        Operand normed =
            ops.modulatedNorm(
                stream,
                change(ops, y, gate, gated),
                ops.upload(shift, DType.F32),
                ops.upload(scale, DType.F32),
                ops.upload(rows, DType.I32),
                EPSILON,
                PLAIN);
        return isStream ? stream : normed.values();
      });
    }
  }

  private static Change change(Ops ops, Tensor y, Tensor gate, Tensor rows) {
    Tensor values = ops.upload(y, ops.activation());
    return gate == null
        ? Change.of(values)
        : new Change(values, ops.upload(gate, DType.F32), ops.upload(rows, DType.I32));
  }

  @Test
  void linearMayWriteToATensorOfAnyFloatType() {
    Tensor x = truth.values(13, 64);
    TensorSource weight = truth.source(DType.BF16, 0.1, 208, 64);
    TensorSource bias = truth.source(DType.F32, 1, 208);
    for (DType type : List.of(DType.F32, DType.BF16)) {
      truth.compare(ops -> {
        try (Parameters parameters = ops.parameters()) {
          Linear layer = parameters.linear(List.of(weight), List.of(bias), Precision.PLAIN);
          Operand operand =
              ops.operand(ops.upload(x, ops.activation()), layer.input(Branch.CONDITIONAL));
          Tensor target = ops.empty(type, 13, 208);
          ops.linear(operand, layer, target);
          ops.synchronize();
          return target;
        }
      });
    }
  }

  @Test
  void patchesAreCutAndPutBack() {
    Tensor noise = truth.values(16, 3, 6, 10);
    Tensor mask = truth.values(4, 3, 6, 10);
    truth.compare(ops -> {
      Tensor first = ops.upload(noise, DType.F32);
      Tensor second = ops.upload(mask, DType.F32);
      return ops.patchify(List.of(first, second), PLAIN).values();
    });
    Tensor tokens = truth.values(45, 64);
    truth.compare(ops -> ops.unpatchify(ops.upload(tokens, ops.activation()), 3, 6, 10));
  }

  @Test
  void linearCombinationMayWriteToATerm() {
    Tensor x = truth.values(4, 3, 207);
    Tensor y = truth.values(4, 3, 207);
    truth.compare(ops -> {
      Tensor first = ops.upload(x, DType.F32);
      Tensor second = ops.upload(y, DType.F32);
      ops.linearCombination(first, new double[] {0.75, -2.5}, List.of(first, second));
      return first;
    });
  }

  @ParameterizedTest
  @CsvSource({"2, 64", "207, 1536"})
  void rowsAreComparedByLengthAndAngle(int rows, int columns) {
    Tensor x = truth.values(rows, columns);
    Tensor y = truth.normal(2, 1, rows, columns);
    truth.compare(ops -> {
      Tensor current = ops.upload(x, ops.residual());
      RowStatistics all = ops.compareRows(current, ops.upload(y, ops.residual()));
      double[] found = {all.meanRatio(), all.ratioDeviation(), all.cosineDistance()};
      return Tensor.of(new float[] {(float) found[0], (float) found[1], (float) found[2]}, 3);
    });
  }

  @Test
  void scopesGiveTheSameMemoryAgainAndCloseInOrder() {
    try (Ops ops = ops()) {
      long peak;
      try (Scope _ = ops.scope()) {
        ops.empty(DType.F32, 1000, 13);
        peak = ops.peakBytes();
      }
      for (int i = 0; i < 100; i++) {
        try (Scope _ = ops.scope()) {
          ops.empty(DType.F32, 1000, 13);
        }
      }
      assertThat(ops.peakBytes()).isEqualTo(peak).isGreaterThanOrEqualTo(52_000);
      Scope outer = ops.scope();
      Scope inner = ops.scope();
      assertThatThrownBy(outer::close).isInstanceOf(IllegalStateException.class);
      inner.close();
      outer.close();
    }
  }

  @Test
  void wrongShapesAreRefusedWithWhatWasExpected() {
    try (Ops ops = ops()) {
      Tensor x = ops.empty(ops.residual(), 13, 64);
      Tensor weight = ops.empty(DType.F32, 63);
      assertThatThrownBy(() -> ops.rmsNorm(x, weight, EPSILON, PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("[63]")
          .hasMessageContaining("expected float [64]");
      Heads heads = heads(ops, truth.values(2, 1, 8), truth.values(5, 1, 8), truth.values(5, 1, 8));
      Tensor rows = ops.upload(truth.integers(1, 2), DType.I32);
      assertThatThrownBy(() -> ops.groupedAttention(heads, rows, 2, 1, PLAIN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("got 5 for the keys of all groups, expected a multiple of 2");
    }
  }
}
