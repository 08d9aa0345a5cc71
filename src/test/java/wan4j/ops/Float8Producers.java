package wan4j.ops;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Every operation that makes the input of an FP8 layer, on data that all backends hold exactly.
final class Float8Producers {
  private static final double EPSILON = 1e-6;
  private static final int HEAD_SIZE = 128;
  private static final int USUAL = 256; // columns of the data that every producer is given
  private static final int MANY_KEYS = 1100; // which some backends attend otherwise than few
  private static final int SHARED_KEYS = 4000; // which some spread over several blocks

  /// Makes an input whose magnitude is proportional to the gain, a power of two.
  interface Producer {
    Operand make(Ops ops, float gain, OperandFormat want);
  }

  private final int rows;
  private final int dim;
  private final boolean isSpecial;
  private final Truth data;
  private final Tensor x;
  private final Tensor groups;

  /// Draws data for `rows` by `dim`; where it is special, with a row that holds NaN, one of zeros
  /// and one that holds infinity.
  Float8Producers(Truth data, int rows, int dim, boolean isSpecial) {
    this.data = data;
    this.rows = rows;
    this.dim = dim;
    this.isSpecial = isSpecial;
    x = special(data.normal(2, 0.1, rows, dim), true);
    groups = data.integers(2, rows);
  }

  private Tensor special(Tensor values, boolean withInfinity) {
    if (!isSpecial) {
      return values;
    }
    int columns = Math.toIntExact(values.count() / rows);
    float[] changed = values.toFloats();
    changed[columns + 3] = Float.NaN;
    java.util.Arrays.fill(changed, 3 * columns, 4 * columns, 0f);
    if (withInfinity) {
      changed[5 * columns + 7] = Float.POSITIVE_INFINITY;
    }
    return Tensor.of(changed, values.shape().toArray());
  }

  private static Tensor scaled(Tensor values, float gain) {
    float[] changed = values.toFloats();
    for (int i = 0; i < changed.length; i++) {
      changed[i] *= gain;
    }
    return Tensor.of(changed, values.shape().toArray());
  }

  private static Tensor float32(Ops ops, Tensor values, float gain) {
    return ops.upload(scaled(values, gain), DType.F32);
  }

  /// Returns the producers by name.
  Map<String, Producer> all() {
    Map<String, Producer> all = new LinkedHashMap<>();
    all.put(
        "operand",
        (ops, gain, want) -> ops.operand(ops.upload(scaled(x, gain), ops.activation()), want));
    norms(all);
    all.put("gatedGelu", gatedGelu());
    all.put("attention", attention(Math.max(1, dim / HEAD_SIZE), rows + 5));
    all.put("linear", linear(Precision.PLAIN, Activation.NONE));
    if (dim == USUAL) { // what others have in common with it
      all.put("attention over many keys", attention(2, MANY_KEYS));
      all.put("attention over keys that blocks share", attention(2, SHARED_KEYS));
    }
    if (!isSpecial) {
      // 8-bit inputs hold no infinity, and the function of the negative one is a matter of taste
      for (Activation activation :
          dim == USUAL ? Activation.values() : new Activation[] {Activation.NONE}) {
        for (Precision precision :
            List.of(Precision.PLAIN, Precision.FLOAT8_CURRENT, Precision.FLOAT8_TOKEN)) {
          all.put("linear " + precision + " " + activation, linear(precision, activation));
        }
      }
    }
    return all;
  }

  private void norms(Map<String, Producer> all) {
    Tensor shift = data.normal(0.3, 0, 2, dim);
    Tensor scale = data.normal(0.3, 1, 2, dim);
    Tensor weight = data.normal(0.3, 1, dim);
    Tensor bias = data.normal(0.3, 0, dim);
    Tensor values = data.values(rows, dim);
    Tensor gate = data.normal(0.5, 0, 2, dim);
    for (String change : List.of("", " after a change", " after a gated change")) {
      all.put(
          "modulatedNorm" + change,
          (ops, gain, want) -> {
            Tensor shifts = float32(ops, shift, gain);
            // (1 + scale) gain - 1, so that the sum with 1 is proportional to the gain
            float[] scales = scaled(scale, gain).toFloats();
            for (int i = 0; i < scales.length; i++) {
              scales[i] -= 1;
            }
            Tensor factors = ops.upload(Tensor.of(scales, 2, dim), DType.F32);
            Tensor names = ops.upload(groups, DType.I32);
            Tensor stream = ops.upload(x, ops.residual());
            return change.isEmpty()
                ? ops.modulatedNorm(stream, shifts, factors, names, EPSILON, want)
                : ops.modulatedNorm(
                    stream,
                    change(ops, change, values, gate),
                    shifts,
                    factors,
                    names,
                    EPSILON,
                    want);
          });
      all.put(
          "layerNorm" + change,
          (ops, gain, want) -> {
            Tensor weights = float32(ops, weight, gain);
            Tensor biases = float32(ops, bias, gain);
            Tensor stream = ops.upload(x, ops.residual());
            return change.isEmpty()
                ? ops.layerNorm(stream, weights, biases, EPSILON, want)
                : ops.layerNorm(
                    stream, change(ops, change, values, gate), weights, biases, EPSILON, want);
          });
    }
    all.put(
        "rmsNorm",
        (ops, gain, want) ->
            ops.rmsNorm(ops.upload(x, ops.residual()), float32(ops, weight, gain), EPSILON, want));
  }

  private Change change(Ops ops, String kind, Tensor values, Tensor gate) {
    Tensor added = ops.upload(values, ops.activation());
    return kind.contains("gated")
        ? new Change(added, ops.upload(gate, DType.F32), ops.upload(groups, DType.I32))
        : Change.of(added);
  }

  private Producer gatedGelu() {
    Tensor halves = special(data.normal(2, 0.1, rows, 2L * dim), true);
    return (ops, gain, want) -> {
      float[] values = halves.toFloats();
      for (int i = 0; i < values.length; i++) {
        values[i] *= i % (2 * dim) < dim ? 1 : gain;
      }
      return ops.gatedGelu(ops.upload(Tensor.of(values, rows, 2L * dim), ops.activation()), want);
    };
  }

  private Producer attention(int heads, long keys) {
    // softmax of infinite scores is NaN here and may be otherwise there
    Tensor query = special(data.values(rows, heads, HEAD_SIZE), false);
    Tensor key = data.values(keys, heads, HEAD_SIZE);
    Tensor value = data.normal(1, 0.5, keys, heads, HEAD_SIZE);
    return (ops, gain, want) ->
        ops.attention(
            new Heads(
                ops.upload(query, ops.activation()),
                ops.upload(key, ops.activation()),
                ops.upload(scaled(value, gain), ops.activation())),
            1 / Math.sqrt(HEAD_SIZE),
            want);
  }

  private Producer linear(Precision precision, Activation activation) {
    TensorSource weight = data.source(DType.BF16, 0.1, 256, dim);
    TensorSource bias = data.source(DType.F32, 0.3, 256);
    return (ops, gain, want) -> {
      try (Parameters parameters = ops.parameters()) {
        Linear layer = parameters.linear(List.of(weight), List.of(bias), precision);
        Tensor input = ops.upload(scaled(x, gain), ops.activation());
        Operand operand = ops.operand(input, layer.input(Branch.CONDITIONAL));
        Operand result = ops.linear(operand, layer, activation, want);
        ops.synchronize();
        return result;
      }
    };
  }
}
