package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.quant.DelayedScalingState;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.ScaleRule;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// FP8 casts, scales and the recipes that choose them; bytes and scales are compared exactly.
final class Float8Cases implements CaseKind {
  private static final double PRODUCT_TOLERANCE = 1e-5;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    if (reference.has("in.f32_bits")) {
      return Float8CastCases.casts(reference);
    }
    if (reference.has("in.amax_bits")) {
      return Float8CastCases.scales(reference);
    }
    if (reference.has("in.nan_only_bits")) {
      return Float8CastCases.specials(reference, backend);
    }
    if (reference.has("in.x_bits_bf16")) {
      List<Comparison> comparisons = delayed(reference);
      if (reference.json().path("scale_update").asBoolean()) {
        comparisons.addAll(Float8OpsCases.delayed(reference, backend));
      }
      return comparisons;
    }
    JsonNode json = reference.json();
    boolean isPowerOfTwo = json.path("power_2_scale").asBoolean(false);
    return switch (json.path("recipe").asString("")) {
      case "Float8CurrentScaling" ->
          quantized(
              reference,
              backend,
              Precision.FLOAT8_CURRENT,
              new ScaleRule(
                  (float) json.path("amax_epsilon").asDouble(0), isPowerOfTwo, Float.MAX_VALUE));
      case "Float8BlockScaling" ->
          quantized(
              reference,
              backend,
              Precision.FLOAT8_BLOCK,
              new ScaleRule(0, isPowerOfTwo, ScaleRule.BLOCK.overflow()));
      case "" -> quantized(reference, backend, Precision.FLOAT8_TOKEN, ScaleRule.EXACT);
      default ->
          throw new InputException(
              "%s is of the recipe %s; expected Float8CurrentScaling, DelayedScaling, Float8BlockScaling or none for one scale a row"
                  .formatted(reference.folder(), json.path("recipe").asString()));
    };
  }

  private static List<Comparison> quantized(
      ReferenceCase reference, Backend backend, Precision recipe, ScaleRule rule) {
    Granularity weight = recipe.weightGranularity();
    Granularity input = weight == Granularity.BLOCK_128X128 ? Granularity.BLOCK_1X128 : weight;
    Float8Matrix x = Float8Quantizer.quantize(reference.tensor("in.x"), input, rule);
    Float8Matrix w = Float8Quantizer.quantize(reference.tensor("in.w"), weight, rule);
    List<Comparison> comparisons = new ArrayList<>();
    comparisons.addAll(matrix(reference, x, "x"));
    comparisons.addAll(matrix(reference, w, "w"));
    comparisons.add(product("out.y", reference, x, w, reference.tensor("out.y")));
    if (rule.equals(recipe.scaleRule())) { // backends have each recipe's own rule and no other
      comparisons.addAll(Float8OpsCases.layer(reference, backend, recipe));
    }
    return comparisons;
  }

  private static List<Comparison> matrix(
      ReferenceCase reference, Float8Matrix matrix, String name) {
    return List.of(
        Comparison.exact(
            "mid.scale_inv_" + name,
            matrix.inverseScales(),
            reference.tensor("mid.scale_inv_" + name)),
        bytes("out." + name + "_fp8", matrix, reference.tensor("out." + name + "_fp8")));
  }

  /// Compares the bits themselves; the reference stores them as unsigned bytes.
  static Comparison bytes(String name, Float8Matrix matrix, Tensor expected) {
    Tensor values = matrix.values();
    return Comparison.exact(name, new Tensor(values.shape(), DType.U8, values.storage()), expected);
  }

  private static Comparison product(
      String name, ReferenceCase reference, Float8Matrix x, Float8Matrix w, Tensor expected) {
    float[] a = Float8Quantizer.dequantize(x).toFloats();
    float[] b = Float8Quantizer.dequantize(w).toFloats();
    float[] bias = reference.tensor("in.bias").toFloats();
    int rows = x.values().length(0);
    int outputs = w.values().length(0);
    int columns = x.values().length(1);
    float[] y = new float[rows * outputs];
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < outputs; o++) {
        double sum = bias[o];
        for (int c = 0; c < columns; c++) {
          sum += (double) a[r * columns + c] * b[o * columns + c];
        }
        y[r * outputs + o] = (float) sum;
      }
    }
    return Comparison.relative(name, Tensor.of(y, rows, outputs), expected, PRODUCT_TOLERANCE);
  }

  /// Forwards one after the other; a history that is never updated is what the reference does with
  /// gradients off.
  private static List<Comparison> delayed(ReferenceCase reference) {
    boolean updates = reference.json().path("scale_update").asBoolean();
    int calls = reference.json().path("calls").asInt();
    Tensor inputs = reference.tensor("in.x_bits_bf16");
    Tensor weight = reference.tensor("in.w");
    int[] compared = reference.tensor("out.y_calls").toInts();
    DelayedScalingState[] states = {new DelayedScalingState(), new DelayedScalingState()};
    float[] used = new float[2 * calls];
    float[] after = new float[2 * calls];
    float[] amax = new float[2 * calls];
    float[] history = new float[2 * calls * DelayedScalingState.HISTORY];
    List<Comparison> comparisons = new ArrayList<>();
    for (int call = 0; call < calls; call++) {
      Tensor[] matrices = {bfloat16(inputs.at(call)), weight};
      Float8Matrix[] quantized = new Float8Matrix[2];
      for (int i = 0; i < 2; i++) {
        int row = 2 * call + i;
        used[row] = states[i].scale();
        quantized[i] = Float8Quantizer.quantize(matrices[i], states[i].scale());
        amax[row] = Float8Quantizer.largestMagnitudes(matrices[i], Granularity.TENSOR)[0];
        states[i].record(amax[row]);
        if (updates) {
          states[i].update();
        }
        after[row] = states[i].scale();
        System.arraycopy(
            states[i].history(),
            0,
            history,
            row * DelayedScalingState.HISTORY,
            DelayedScalingState.HISTORY);
      }
      comparisons.add(
          bytes("out.x_fp8." + call, quantized[0], reference.tensor("out.x_fp8").at(call)));
      if (call == 0) {
        comparisons.add(weight(reference, quantized[1], "out.w_fp8_first_call"));
      }
      if (call == calls - 1) {
        comparisons.add(weight(reference, quantized[1], "out.w_fp8_last_call"));
      }
      for (int i = 0; i < compared.length; i++) {
        if (compared[i] == call) {
          comparisons.add(
              product(
                  "out.y." + i,
                  reference,
                  quantized[0],
                  quantized[1],
                  reference.tensor("out.y").at(i)));
        }
      }
    }
    comparisons.add(exact(reference, "out.scale_used", used));
    comparisons.add(exact(reference, "out.scale_after", after));
    comparisons.add(exact(reference, "out.amax", amax));
    comparisons.add(exact(reference, "out.history_after", history));
    return comparisons;
  }

  private static Comparison weight(ReferenceCase reference, Float8Matrix matrix, String name) {
    return bytes(name, matrix, reference.tensor(name));
  }

  /// Compares float32 values, which a case with infinities gives by their bits.
  private static Comparison exact(ReferenceCase reference, String name, float[] got) {
    if (!reference.has(name + "_bits")) {
      return Comparison.exact(name, Tensor.of(got, got.length), reference.tensor(name));
    }
    int[] bits = reference.tensor(name + "_bits").toInts();
    float[] expected = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      expected[i] = Float.intBitsToFloat(bits[i]);
    }
    return Comparison.exact(name, Tensor.of(got, got.length), Tensor.of(expected, expected.length));
  }

  /// Returns integers of 16 bits as the bfloat16 numbers that they are the bits of.
  static Tensor bfloat16(Tensor bits) {
    return new Tensor(bits.shape(), DType.BF16, bits.storage());
  }
}
