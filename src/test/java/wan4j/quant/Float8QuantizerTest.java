package wan4j.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import wan4j.golden.GoldenCase;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.Tensor;

class Float8QuantizerTest {
  static List<GoldenCase> currentScaling() {
    return GoldenCase.all("fp8", "current-scaling").stream()
        .filter(golden -> !golden.name().endsWith("nonfinite"))
        .toList();
  }

  static List<GoldenCase> blockScaling() {
    return GoldenCase.all("fp8", "block-scaling");
  }

  static List<GoldenCase> rowScaling() {
    return GoldenCase.all("fp8", "row-channel");
  }

  @ParameterizedTest
  @MethodSource("currentScaling")
  void oneScaleATensorEqualsTransformerEngine(GoldenCase golden) {
    ScaleRule rule =
        new ScaleRule(
            (float) golden.json().get("amax_epsilon").asDouble(),
            golden.json().get("power_2_scale").asBoolean(),
            Float.MAX_VALUE);
    float[] largest = Float8Quantizer.largestMagnitudes(golden.tensor("in.x"), Granularity.TENSOR);
    assertThat(largest).isEqualTo(golden.tensor("mid.amax_x").toFloats());
    assertThat(rule.scale(largest[0])).isEqualTo(golden.tensor("mid.scale_x").toFloats()[0]);
    assertQuantized(golden, Granularity.TENSOR, Granularity.TENSOR, rule);
  }

  @ParameterizedTest
  @MethodSource("blockScaling")
  void oneScaleABlockEqualsTransformerEngine(GoldenCase golden) {
    ScaleRule rule =
        golden.json().get("power_2_scale").asBoolean()
            ? ScaleRule.BLOCK
            : new ScaleRule(0, false, ScaleRule.BLOCK.overflow());
    assertQuantized(golden, Granularity.BLOCK_1X128, Granularity.BLOCK_128X128, rule);
  }

  @ParameterizedTest
  @MethodSource("rowScaling")
  void oneScaleARowEqualsTheReference(GoldenCase golden) {
    assertQuantized(golden, Granularity.ROW, Granularity.ROW, ScaleRule.EXACT);
  }

  @Test
  void nanStaysNanAndInfinitySaturatesAtScaleOne() {
    GoldenCase golden = GoldenCase.of("fp8", "current-scaling-nonfinite");
    for (String kind : List.of("nan_and_inf", "nan_only")) {
      Tensor x = bfloat16(golden.tensor("in." + kind + "_bits"));
      Float8Matrix quantized = Float8Quantizer.quantize(x, Granularity.TENSOR, ScaleRule.EXACT);
      float scale = golden.tensor("out." + kind + "_scale").toFloats()[0];
      assertThat(quantized.inverseScales().toFloats()).containsExactly(1 / scale);
      byte[] expected = bytes(golden.tensor("out." + kind + "_fp8"));
      byte[] actual = bytes(quantized.values());
      for (int i = 0; i < expected.length; i++) {
        boolean bothNan = Float.isNaN(Float8.fromE4m3(expected[i])) && (actual[i] & 0x7F) == 0x7F;
        assertThat(bothNan || actual[i] == expected[i]).as("element %d", i).isTrue();
      }
    }
  }

  @Test
  void scalesFollowFromMagnitudesAsInTransformerEngine() {
    GoldenCase golden = GoldenCase.of("fp8", "scale-from-amax");
    int[] bits = golden.tensor("in.amax_bits").toInts();
    int compared = 0;
    for (String name : golden.tensors().keySet()) {
      if (!name.startsWith("out.")) {
        continue;
      }
      boolean isPowerOfTwo = name.contains("pow21");
      float smallest = name.contains("eps0.0001") ? 1e-4f : 0f;
      float overflow = name.contains("inf_bf16max") ? 0x1.FEp127f : Float.MAX_VALUE;
      float largestValue = name.contains("e5m2") ? Float8.MAX_E5M2 : Float8.MAX_E4M3;
      ScaleRule rule = new ScaleRule(smallest, isPowerOfTwo, overflow);
      float[] expected = golden.tensor(name).toFloats();
      for (int i = 0; i < bits.length; i++) {
        float magnitude = Float.intBitsToFloat(bits[i]);
        assertThat(rule.scale(magnitude, largestValue))
            .as("%s of %s", name, magnitude)
            .isEqualTo(expected[i]);
        compared++;
      }
    }
    assertThat(compared).isEqualTo(10 * 88);
  }

  @Test
  void castsEqualCudasAndPyTorchs() {
    GoldenCase golden = GoldenCase.of("fp8", "cast");
    int[] floats = golden.tensor("in.f32_bits").toInts();
    for (int i = 0; i < floats.length; i++) {
      assertCasts(golden, "f32", i, Float.intBitsToFloat(floats[i]));
    }
    for (int i = 0; i < 1 << 16; i++) {
      assertCasts(golden, "bf16", i, BFloat16.toFloat((short) i));
    }
    int[] e4m3 = golden.tensor("out.e4m3_to_float_bits").toInts();
    int[] e5m2 = golden.tensor("out.e5m2_to_float_bits").toInts();
    for (int i = 0; i < 256; i++) {
      assertThat(Float8.fromE4m3((byte) i)).isEqualTo(Float.valueOf(Float.intBitsToFloat(e4m3[i])));
      assertThat(Float8.fromE5m2((byte) i)).isEqualTo(Float.valueOf(Float.intBitsToFloat(e5m2[i])));
    }
  }

  @ParameterizedTest
  @EnumSource
  void matricesOfAnySizeComeBackWithinHalfAStep(Granularity granularity) {
    Random random = new Random(11);
    int[][] sizes = {{1, 1}, {1, 128}, {13, 127}, {128, 128}, {129, 257}, {207, 16}, {0, 16}};
    for (int[] size : sizes) {
      float[] values = new float[size[0] * size[1]];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(-3, 3)));
      }
      Tensor matrix = Tensor.of(values, size[0], size[1]);
      for (ScaleRule rule : List.of(ScaleRule.EXACT, ScaleRule.BLOCK)) {
        Float8Matrix quantized = Float8Quantizer.quantize(matrix, granularity, rule);
        float largestInverse = 0;
        for (float inverse : quantized.inverseScales().toFloats()) {
          largestInverse = Math.max(largestInverse, inverse);
        }
        float[] back = Float8Quantizer.dequantize(quantized).toFloats();
        for (int i = 0; i < values.length; i++) {
          // 3 mantissa bits: half a step is a 16th of the value, or half of the smallest number
          double step = Math.max(Math.abs(values[i]) / 16.0, largestInverse * 0x1p-10);
          assertThat(Math.abs(back[i] - values[i])).isLessThanOrEqualTo((float) (1.001 * step));
        }
      }
    }
  }

  @Test
  void aVectorIsNoMatrix() {
    assertThatThrownBy(() ->
            Float8Quantizer.quantize(Tensor.of(new float[4], 4), Granularity.ROW, ScaleRule.EXACT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[rows, columns]");
  }

  private static void assertCasts(GoldenCase golden, String from, int index, float value) {
    byte[] actual = {
      Float8.toE4m3(value),
      Float8.toE5m2(value),
      Float8.toE4m3(value),
      Float8.toE5m2Unsaturated(value)
    };
    String[] names = {"e4m3_sat_from_", "e5m2_sat_from_", "e4m3_torch_from_", "e5m2_torch_from_"};
    for (int i = 0; i < names.length; i++) {
      byte expected =
          golden.tensor("out." + names[i] + from).segment().get(ValueLayout.JAVA_BYTE, index);
      if (actual[i] != expected) {
        boolean isE4m3 = i % 2 == 0;
        float a = isE4m3 ? Float8.fromE4m3(actual[i]) : Float8.fromE5m2(actual[i]);
        float b = isE4m3 ? Float8.fromE4m3(expected) : Float8.fromE5m2(expected);
        assertThat(Float.isNaN(a) && Float.isNaN(b))
            .as("%s%s of %s: %s, expected %s", names[i], from, value, a, b)
            .isTrue();
      }
    }
  }

  private static void assertQuantized(
      GoldenCase golden, Granularity input, Granularity weight, ScaleRule rule) {
    Float8Matrix x = Float8Quantizer.quantize(golden.tensor("in.x"), input, rule);
    Float8Matrix w = Float8Quantizer.quantize(golden.tensor("in.w"), weight, rule);
    assertMatrix(x, golden, "x");
    assertMatrix(w, golden, "w");
    assertProduct(x, w, golden.tensor("in.bias").toFloats(), golden.tensor("out.y"));
  }

  private static void assertMatrix(Float8Matrix matrix, GoldenCase golden, String name) {
    Tensor inverse = golden.tensor("mid.scale_inv_" + name);
    assertThat(matrix.inverseScales().shape()).isEqualTo(inverse.shape());
    assertThat(matrix.inverseScales().toFloats()).isEqualTo(inverse.toFloats());
    assertThat(bytes(matrix.values())).isEqualTo(bytes(golden.tensor("out." + name + "_fp8")));
    assertThat(matrix.values().dtype()).isEqualTo(DType.F8_E4M3);
  }

  static void assertProduct(Float8Matrix x, Float8Matrix w, float[] bias, Tensor expected) {
    float[] a = Float8Quantizer.dequantize(x).toFloats();
    float[] b = Float8Quantizer.dequantize(w).toFloats();
    float[] y = expected.toFloats();
    int rows = x.values().length(0);
    int outputs = w.values().length(0);
    int columns = x.values().length(1);
    double difference = 0;
    double length = 0;
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < outputs; o++) {
        double sum = 0;
        for (int c = 0; c < columns; c++) {
          sum += (double) a[r * columns + c] * b[o * columns + c];
        }
        double reference = y[r * outputs + o];
        difference += Math.pow((float) (sum + bias[o]) - reference, 2);
        length += reference * reference;
      }
    }
    assertThat(Math.sqrt(difference / length)).isCloseTo(0, within(1e-5));
  }

  static Tensor bfloat16(Tensor bits) {
    return new Tensor(bits.shape(), DType.BF16, bits.storage());
  }

  static byte[] bytes(Tensor tensor) {
    return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
  }
}
