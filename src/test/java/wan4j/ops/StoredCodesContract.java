package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.quant.Branch;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.ScaleRule;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Elements;
import wan4j.tensor.HostStorage;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What every backend must do with FP8 weights that a checkpoint stores: the codes that it makes
/// itself when it quantises, and taking stored ones as they are.
public abstract class StoredCodesContract {
  private static final int COLUMNS = 272;

  private final Random random = new Random(5);

  /// Returns a new backend, which the test closes.
  protected abstract Ops ops();

  @ParameterizedTest
  @CsvSource({
    "FLOAT8_CURRENT, 128, 256",
    "FLOAT8_DELAYED, 128, 256",
    "FLOAT8_BLOCK, 128, 256",
    "FLOAT8_TOKEN, 128, 256",
    "FLOAT8_BLOCK, 128, 48",
    "FLOAT8_TOKEN, 16, 48",
    "FLOAT8_CURRENT, 33, 18",
    "FLOAT8_BLOCK, 128, 45",
    "FLOAT8_TOKEN, 17, 3"
  })
  void codesAreThoseOfTheRulesAndStayWhenTheyAreStored(Precision precision, int one, int two) {
    List<TensorSource> plain = List.of(values(DType.BF16, one), values(DType.F32, two));
    Float8Matrix expected = truth(plain, precision);
    Tensor input = values(DType.F32, 21).load();
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(plain, List.of(), precision);
      assertSame(parameters.codes(layer), expected);
      List<TensorSource> stored =
          List.of(part(expected, 0, one, precision), part(expected, one, two, precision));
      Linear again = parameters.linear(stored, List.of(), precision);
      assertSame(parameters.codes(again), expected);
      assertThat(result(ops, again, input)).isEqualTo(result(ops, layer, input));
    }
  }

  /// Neither side is one that matrix units take.
  @ParameterizedTest
  @CsvSource({
    "FLOAT8_CURRENT, 37, 283",
    "FLOAT8_DELAYED, 37, 283",
    "FLOAT8_BLOCK, 131, 129",
    "FLOAT8_TOKEN, 37, 283",
    "FLOAT8_TOKEN, 3, 1"
  })
  void soItIsInWeightsOfAnyShape(Precision precision, int rows, int columns) {
    List<TensorSource> plain = List.of(values(DType.BF16, rows, columns));
    Float8Matrix expected = truth(plain, precision);
    Tensor input = values(DType.F32, 21, columns).load();
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(plain, List.of(), precision);
      assertSame(parameters.codes(layer), expected);
      List<TensorSource> stored = List.of(part(expected, 0, rows, precision));
      Linear again = parameters.linear(stored, List.of(), precision);
      assertSame(parameters.codes(again), expected);
      assertThat(result(ops, again, input)).isEqualTo(result(ops, layer, input));
    }
  }

  @Test
  void scalesOfTensorsServeTheirRowsWithoutQuantisingAgain() {
    Float8Matrix first = truth(List.of(values(DType.F32, 32)), Precision.FLOAT8_CURRENT);
    Float8Matrix second = truth(List.of(values(DType.F32, 16)), Precision.FLOAT8_CURRENT);
    List<TensorSource> stored =
        List.of(
            part(first, 0, 32, Precision.FLOAT8_CURRENT),
            part(second, 0, 16, Precision.FLOAT8_CURRENT));
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Float8Matrix rows =
          parameters.codes(parameters.linear(stored, List.of(), Precision.FLOAT8_TOKEN));
      assertThat(rows.values().slice(0, 32).segment().mismatch(first.values().segment()))
          .isEqualTo(-1);
      assertThat(rows.values().slice(32, 16).segment().mismatch(second.values().segment()))
          .isEqualTo(-1);
      float[] scales = rows.inverseScales().toFloats();
      assertThat(scales).hasSize(48);
      assertThat(scales[31]).isEqualTo(first.inverseScales().toFloats()[0]);
      assertThat(scales[32]).isEqualTo(second.inverseScales().toFloats()[0]);
    }
  }

  @Test
  void weightsThatNeedOneScaleAreQuantisedAgainFromBfloat16() {
    Float8Matrix matrix = truth(List.of(values(DType.F32, 32)), Precision.FLOAT8_TOKEN);
    TensorSource stored = part(matrix, 0, 32, Precision.FLOAT8_TOKEN);
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(List.of(stored), List.of(), Precision.FLOAT8_CURRENT);
      assertSame(parameters.codes(layer), truth(List.of(stored), Precision.FLOAT8_CURRENT));
    }
  }

  @Test
  void aLayerInMoreBitsHasNoCodes() {
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      Linear layer = parameters.linear(List.of(values(DType.BF16, 16)), List.of(), Precision.PLAIN);
      assertThatThrownBy(() -> parameters.codes(layer))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static float[] result(Ops ops, Linear layer, Tensor input) {
    try (Scope _ = ops.scope()) {
      Tensor x = ops.upload(input, ops.activation());
      Operand operand = ops.operand(x, layer.input(Branch.CONDITIONAL));
      return ops.download(ops.linear(operand, layer, Activation.NONE)).toFloats();
    }
  }

  private static void assertSame(Float8Matrix actual, Float8Matrix expected) {
    assertThat(actual.granularity()).isEqualTo(expected.granularity());
    assertThat(actual.inverseScales().shape()).isEqualTo(expected.inverseScales().shape());
    assertThat(actual.inverseScales().toFloats()).isEqualTo(expected.inverseScales().toFloats());
    assertThat(actual.values().segment().mismatch(expected.values().segment())).isEqualTo(-1);
  }

  /// The codes of a stack by the scalar rules, from bfloat16.
  private static Float8Matrix truth(List<TensorSource> weights, Precision precision) {
    List<Float> all = new ArrayList<>();
    for (TensorSource weight : weights) {
      for (float value : weight.load().toFloats()) {
        all.add(BFloat16.toFloat(BFloat16.fromFloat(value)));
      }
    }
    float[] values = new float[all.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = all.get(i);
    }
    Granularity granularity = precision.weightGranularity();
    ScaleRule rule = precision.scaleRule();
    int columns = weights.getFirst().shape().length(1);
    Tensor matrix = Tensor.of(values, values.length / columns, columns);
    return Float8Quantizer.quantize(matrix, granularity, rule);
  }

  private TensorSource values(DType dtype, int rows) {
    return values(dtype, rows, COLUMNS);
  }

  private TensorSource values(DType dtype, int rows, int columns) {
    MemorySegment segment = MemorySegment.ofArray(new byte[rows * columns * dtype.bytes()]);
    for (int i = 0; i < rows * columns; i++) {
      Elements.setFloat(segment, dtype, i, (float) random.nextGaussian() / (1 + i % 7));
    }
    Tensor tensor = new Tensor(Shape.of(rows, columns), dtype, new HostStorage(segment));
    return TensorSource.of("weight", tensor);
  }

  /// Some rows of a matrix as a checkpoint stores them.
  private static ScaledSource part(Float8Matrix matrix, int first, int rows, Precision precision) {
    Tensor scales = matrix.inverseScales();
    Tensor own =
        switch (precision.weightGranularity()) {
          case TENSOR -> scales;
          case ROW -> scales.slice(first, rows);
          case BLOCK_1X128, BLOCK_128X128 ->
              scales.slice(first / Granularity.BLOCK, Math.ceilDiv(rows, Granularity.BLOCK));
        };
    TensorSource codes = TensorSource.of("weight", matrix.values().slice(first, rows));
    return new Stored(codes, own);
  }

  private record Stored(TensorSource codes, Tensor factors) implements ScaledSource {
    @Override
    public String name() {
      return codes.name();
    }

    @Override
    public Shape shape() {
      return codes.shape();
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public void read(long offset, MemorySegment target) {
      Granularity granularity =
          factors.count() == 1
              ? Granularity.TENSOR
              : isTiled() ? Granularity.BLOCK_128X128 : Granularity.ROW;
      Tensor wide =
          Float8Quantizer.dequantize(new Float8Matrix(codes.load(), factors, granularity));
      MemorySegment.copy(wide.segment(), offset, target, 0, target.byteSize());
    }
  }
}
