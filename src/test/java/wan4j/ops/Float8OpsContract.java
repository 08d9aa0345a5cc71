package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.cpu.CpuOps;
import wan4j.quant.Branch;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.ScaleRule;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.verify.Comparison;

/// What every backend must do for FP8 layers: the same bytes and scales, and products as exact as
/// the backend's types allow.
public abstract class Float8OpsContract {
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

  @ParameterizedTest
  @CsvSource({
    "1, 128",
    "2, 256",
    "7, 5120",
    "13, 384",
    "129, 640",
    "207, 1536",
    "1023, 128",
    "5566, 256",
    "37, 13824",
    "3, 1",
    "13, 250",
    "21, 1003",
    "37, 392"
  })
  void quantisedBytesAndScalesAreThoseOfTheRules(int rows, int columns) {
    checkAll(truth.values(rows, columns));
  }

  @Test
  void nanStaysInfinityIsTheLargestNumberAndZeroIsZero() {
    int columns = 256;
    float[] values = truth.values(37, columns).toFloats();
    values[5] = Float.NaN;
    Arrays.fill(values, 2 * columns, 4 * columns, 0f);
    Arrays.fill(values, 5 * columns, 6 * columns, Float.NaN);
    checkAll(Tensor.of(values, 37, columns));
    values[columns + 3] = Float.POSITIVE_INFINITY;
    values[9 * columns + 200] = Float.NEGATIVE_INFINITY;
    checkAll(Tensor.of(values, 37, columns));
    checkAll(Tensor.of(new float[37 * columns], 37, columns));
  }

  /// Sides that matrix units do not take; several forwards, since delayed scaling knows its scale
  /// only in the second. Each layer has an input of its own: codes of what another one made differ
  /// wherever its rounding does.
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void layersOfAnyShapeWork(Precision precision) {
    List<TensorSource> up =
        List.of(truth.source(DType.F32, 0.1, 101, 250), truth.source(DType.BF16, 0.1, 34, 250));
    List<TensorSource> biases =
        List.of(truth.source(DType.F32, 1, 101), truth.source(DType.F32, 1, 34));
    layer(precision, up, biases, Activation.GELU_TANH, 250);
    layer(
        precision,
        List.of(truth.source(DType.BF16, 0.1, 32, 135)),
        List.of(),
        Activation.NONE,
        135);
    layer(precision, List.of(truth.source(DType.BF16, 0.1, 3, 32)), List.of(), Activation.SILU, 32);
  }

  private void layer(
      Precision precision,
      List<TensorSource> weights,
      List<TensorSource> biases,
      Activation activation,
      int inputs) {
    for (int rows : new int[] {1, 13, 207}) {
      Tensor x = truth.normal(2, 0.1, rows, inputs);
      truth.compare(ops -> {
        try (Parameters parameters = ops.parameters()) {
          Linear layer = parameters.linear(weights, biases, precision);
          Tensor values = ops.upload(x, ops.activation());
          Tensor result = null;
          for (int forward = 0; forward < 3; forward++) {
            Operand operand = ops.operand(values, layer.input(Branch.CONDITIONAL));
            result = ops.linear(operand, layer, activation);
          }
          ops.synchronize();
          return result;
        }
      });
    }
  }

  /// What one layer of such sides makes in the format of the next one goes through it.
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void layersOfAnyShapeFollowEachOther(Precision precision) {
    TensorSource up = truth.source(DType.F32, 0.1, 135, 250);
    TensorSource down = truth.source(DType.BF16, 0.1, 3, 135);
    Tensor x = truth.normal(2, 0.1, 13, 250);
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear first = parameters.linear(List.of(up), List.of(), precision);
      Linear second = parameters.linear(List.of(down), List.of(), precision);
      Operand operand =
          ops.operand(ops.upload(x, ops.activation()), first.input(Branch.CONDITIONAL));
      Tensor between = ops.linear(operand, first, Activation.NONE);
      Operand apart = ops.operand(between, second.input(Branch.CONDITIONAL));
      Tensor expected = ops.download(ops.linear(apart, second, Activation.NONE));
      parameters.restart();
      Operand again = ops.operand(ops.upload(x, ops.activation()), first.input(Branch.CONDITIONAL));
      Operand direct = ops.linear(again, first, Activation.NONE, second.input(Branch.CONDITIONAL));
      Tensor made = ops.download(ops.linear(direct, second, Activation.NONE));
      // a code of a sum that is rounded once less may be its neighbour
      assertThat(Comparison.relativeError(made.toFloats(), expected.toFloats())).isLessThan(0.03);
    }
  }

  private void checkAll(Tensor x) {
    check(x, OperandFormat.Simple.FLOAT8_CURRENT, Granularity.TENSOR, ScaleRule.EXACT);
    check(x, OperandFormat.Simple.FLOAT8_TOKEN, Granularity.ROW, ScaleRule.EXACT);
    check(x, OperandFormat.Simple.FLOAT8_BLOCK, Granularity.BLOCK_1X128, ScaleRule.BLOCK);
  }

  private void check(Tensor x, OperandFormat format, Granularity granularity, ScaleRule rule) {
    Float8Matrix expected = Float8Quantizer.quantize(x, granularity, rule);
    try (Ops ops = ops()) {
      Operand operand = ops.operand(ops.upload(x, ops.activation()), format);
      assertThat(operand).isInstanceOf(Operand.Quantized.class);
      if (operand instanceof Operand.Quantized quantized) {
        assertThat(ops.download(quantized.inverseScales()).toFloats())
            .isEqualTo(expected.inverseScales().toFloats());
        assertThat(ops.download(quantized.values()).toFloats())
            .isEqualTo(expected.values().toFloats());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void productsAreThoseOfTheDequantisedMatrices(Precision precision) {
    for (int rows : new int[] {1, 13, 207}) {
      Tensor x = truth.normal(2, 0.1, rows, 384);
      List<TensorSource> weights =
          List.of(truth.source(DType.F32, 0.1, 208, 384), truth.source(DType.BF16, 0.1, 96, 384));
      List<TensorSource> biases =
          List.of(truth.source(DType.F32, 1, 208), truth.source(DType.F32, 1, 96));
      for (Activation activation : List.of(Activation.NONE, Activation.GELU_TANH)) {
        truth.compare(ops -> {
          try (Parameters parameters = ops.parameters()) {
            Linear layer = parameters.linear(weights, biases, precision);
            Tensor values = ops.upload(x, ops.activation());
            Operand operand = ops.operand(values, layer.input(Branch.CONDITIONAL));
            Tensor result = ops.linear(operand, layer, activation);
            ops.synchronize();
            return result;
          }
        });
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void everyNumberOfRowsWorks(Precision precision) {
    TensorSource weight = truth.source(DType.BF16, 0.1, 64, 256);
    for (int rows : new int[] {2, 5, 7, 9, 127, 129, 1023, 5566}) {
      Tensor x = truth.values(rows, 256);
      truth.compare(ops -> {
        try (Parameters parameters = ops.parameters()) {
          Linear layer = parameters.linear(List.of(weight), List.of(), precision);
          Operand operand =
              ops.operand(ops.upload(x, ops.activation()), layer.input(Branch.CONDITIONAL));
          Tensor result = ops.linear(operand, layer, Activation.NONE);
          assertThat(result.length(0)).isEqualTo(rows);
          ops.synchronize();
          return result;
        }
      });
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void whateverMakesAnInputMakesTheCodesOfTheExactValues(Precision precision) {
    checkProducers(precision, new Float8Producers(truth, 37, 256, false));
    checkProducers(precision, new Float8Producers(truth, 5, 5120, false));
    checkProducers(precision, new Float8Producers(truth, 7, 88, false));
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FLOAT8_CURRENT", "FLOAT8_DELAYED", "FLOAT8_BLOCK", "FLOAT8_TOKEN"})
  void soItDoesWithNanInfinityAndZeros(Precision precision) {
    checkProducers(precision, new Float8Producers(truth, 37, 256, true));
  }

  /// Runs every producer three times, the second time four times larger, as delayed scaling's
  /// history sees.
  private void checkProducers(Precision precision, Float8Producers producers) {
    producers
        .all()
        .forEach((name, producer) -> {
          Float8Expectation expectation = new Float8Expectation(precision, tolerance());
          try (Ops ops = ops();
              Ops scalar = CpuOps.scalar();
              Parameters parameters = ops.parameters()) {
            Map<Float, Tensor> exact = new HashMap<>();
            for (float gain : new float[] {1, 4}) {
              exact.put(gain, exact(scalar, producer, gain));
            }
            long columns = exact.get(1f).shape().size(1);
            TensorSource weight = truth.source(DType.BF16, 0.1, 64, columns);
            OperandFormat want =
                parameters.linear(List.of(weight), List.of(), precision).input(Branch.CONDITIONAL);
            for (float gain : new float[] {1, 4, 1}) {
              try (Scope _ = ops.scope()) {
                Operand made = producer.make(ops, gain, want);
                assertThat(made).as(name).isInstanceOf(Operand.Quantized.class);
                if (made instanceof Operand.Quantized quantized) {
                  expectation.check(
                      name,
                      exact.get(gain),
                      ops.download(quantized.values()),
                      ops.download(quantized.inverseScales()));
                }
              }
            }
          }
        });
  }

  private static Tensor exact(Ops scalar, Float8Producers.Producer producer, float gain) {
    try (Scope _ = scalar.scope()) {
      return scalar.download(producer.make(scalar, gain, OperandFormat.Simple.PLAIN).values());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 20})
  void delayedScalingFollowsEarlierForwardsOfTheSameBranch(int forwards) {
    Tensor x = truth.values(13, 256);
    Tensor larger = truth.normal(9, 0, 13, 256);
    TensorSource weight = truth.source(DType.F32, 0.1, 64, 256);
    truth.compare(ops -> {
      try (Parameters parameters = ops.parameters()) {
        Linear layer = parameters.linear(List.of(weight), List.of(), Precision.FLOAT8_DELAYED);
        Tensor small = ops.upload(x, ops.activation());
        Tensor large = ops.upload(larger, ops.activation());
        for (int i = 0; i < forwards; i++) {
          ops.operand(i == 0 ? large : small, layer.input(Branch.CONDITIONAL));
          ops.operand(small, layer.input(Branch.UNCONDITIONAL));
        }
        Operand operand = ops.operand(large, layer.input(Branch.UNCONDITIONAL));
        Tensor result = ops.linear(operand, layer, Activation.NONE);
        ops.synchronize();
        return result;
      }
    });
  }

  @Test
  void anEmptyTensorLeavesDelayedScalingAsItWas() {
    Tensor x = truth.values(13, 256);
    Tensor weight = truth.values(256);
    TensorSource source = truth.source(DType.F32, 0.1, 64, 256);
    truth.compare(ops -> {
      try (Parameters parameters = ops.parameters()) {
        Linear layer = parameters.linear(List.of(source), List.of(), Precision.FLOAT8_DELAYED);
        OperandFormat want = layer.input(Branch.CONDITIONAL);
        Tensor weights = ops.upload(weight, DType.F32);
        ops.rmsNorm(ops.empty(ops.activation(), 0, 256), weights, 1e-6, want);
        ops.operand(ops.empty(ops.activation(), 0, 256), want);
        Operand operand = ops.operand(ops.upload(x, ops.activation()), want);
        Tensor result = ops.linear(operand, layer, Activation.NONE);
        ops.synchronize();
        return result;
      }
    });
  }

  @Test
  void delayedScalingThatIsRestartedIsCalibratedAnew() {
    Tensor x = truth.values(13, 256);
    Tensor larger = truth.normal(9, 0, 13, 256);
    TensorSource weight = truth.source(DType.F32, 0.1, 64, 256);
    truth.compare(ops -> {
      try (Parameters parameters = ops.parameters()) {
        Linear layer = parameters.linear(List.of(weight), List.of(), Precision.FLOAT8_DELAYED);
        ops.operand(ops.upload(larger, ops.activation()), layer.input(Branch.CONDITIONAL));
        parameters.restart();
        Tensor small = ops.upload(x, ops.activation());
        Operand operand = ops.operand(small, layer.input(Branch.CONDITIONAL));
        Tensor result = ops.linear(operand, layer, Activation.NONE);
        ops.synchronize();
        return result;
      }
    });
  }

  @Test
  void aLayerRefusesAFormatThatItDidNotAskFor() {
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      TensorSource weight = truth.source(DType.F32, 0.1, 64, 256);
      Linear layer = parameters.linear(List.of(weight), List.of(), Precision.FLOAT8_TOKEN);
      Tensor x = ops.upload(truth.values(13, 256), ops.activation());
      Operand plain = ops.operand(x, OperandFormat.Simple.PLAIN);
      assertThatThrownBy(() -> ops.linear(plain, layer, Activation.NONE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("wants FLOAT8_TOKEN");
    }
  }
}
