package wan4j.verify;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// FP8 recipes as the backend under test does them: bytes and scales exactly, products within the
/// rounding of their result type.
final class Float8OpsCases {
  private static final int TILE = 16; // what outputs of a layer come in
  private static final double BFLOAT16_PRODUCTS = 6e-3; // a GPU's FP8 products are bfloat16

  private Float8OpsCases() {}

  /// Compares a recipe's input bytes, input scales and product.
  static List<Comparison> layer(ReferenceCase reference, Backend backend, Precision recipe) {
    Ops ops = backend.ops();
    Tensor weight = reference.tensor("in.w");
    if (weight.length(0) % TILE != 0) {
      return operand(
          backend,
          reference.tensor("in.x"),
          format(recipe),
          reference.tensor("mid.scale_inv_x"),
          reference.tensor("out.x_fp8"));
    }
    List<Comparison> comparisons = new ArrayList<>();
    try (Parameters parameters = ops.parameters();
        var _ = ops.scope()) {
      Linear layer =
          parameters.linear(
              List.of(TensorSource.of("in.w", weight)),
              List.of(TensorSource.of("in.bias", reference.tensor("in.bias"))),
              recipe);
      Tensor x = ops.upload(reference.tensor("in.x"), ops.activation());
      Operand operand = ops.operand(x, layer.input(Branch.CONDITIONAL));
      comparisons.addAll(
          compare(
              ops, operand, reference.tensor("mid.scale_inv_x"), reference.tensor("out.x_fp8")));
      double own = reference.tolerance("out.y");
      double tolerance =
          backend.accuracy() == Backend.Accuracy.FLOAT32 ? own : Math.max(own, BFLOAT16_PRODUCTS);
      Tensor y = ops.download(ops.linear(operand, layer, Activation.NONE));
      comparisons.add(
          Comparison.relative("backend's out.y", y, reference.tensor("out.y"), tolerance));
    }
    return comparisons;
  }

  /// Compares the bytes and scales of a quantised tensor.
  static List<Comparison> operand(
      Backend backend, Tensor x, OperandFormat format, Tensor scales, Tensor bytes) {
    Ops ops = backend.ops();
    try (var _ = ops.scope()) {
      return compare(ops, ops.operand(ops.upload(x, ops.activation()), format), scales, bytes);
    }
  }

  /// Compares the forwards of delayed scaling from the first on whose scale follows from a history;
  /// before it Transformer Engine quantises with scale 1, and ours with the tensor's own.
  static List<Comparison> delayed(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    Tensor inputs = reference.tensor("in.x_bits_bf16");
    float[] used = reference.tensor("out.scale_used").toFloats(); // of input and weight in turn
    List<Comparison> comparisons = new ArrayList<>();
    try (Parameters parameters = ops.parameters()) {
      Linear layer =
          parameters.linear(
              List.of(TensorSource.of("in.w", reference.tensor("in.w"))),
              List.of(),
              Precision.FLOAT8_DELAYED);
      for (int call = 0; call < inputs.length(0); call++) {
        try (var _ = ops.scope()) {
          Tensor x = ops.upload(Float8Cases.bfloat16(inputs.at(call)), ops.activation());
          Operand operand = ops.operand(x, layer.input(Branch.CONDITIONAL));
          float scale = used[2 * call];
          if (scale != 1) {
            comparisons.addAll(
                compare(
                    ops,
                    operand,
                    Tensor.of(new float[] {1 / scale}, 1),
                    reference.tensor("out.x_fp8").at(call)));
          }
        }
      }
    }
    return comparisons;
  }

  private static OperandFormat format(Precision recipe) {
    return switch (recipe) {
      case FLOAT8_CURRENT -> OperandFormat.Simple.FLOAT8_CURRENT;
      case FLOAT8_BLOCK -> OperandFormat.Simple.FLOAT8_BLOCK;
      case FLOAT8_TOKEN -> OperandFormat.Simple.FLOAT8_TOKEN;
      case FLOAT32, PLAIN, FLOAT8_DELAYED ->
          throw new IllegalArgumentException(recipe + " has no format of its own");
    };
  }

  private static List<Comparison> compare(Ops ops, Operand operand, Tensor scales, Tensor bytes) {
    if (!(operand instanceof Operand.Quantized quantized)) {
      return List.of(Comparison.holds("backend's input is quantised", false));
    }
    Tensor values = ops.download(quantized.values());
    int wrong = 0;
    for (int i = 0; i < bytes.count(); i++) {
      byte got = values.segment().get(ValueLayout.JAVA_BYTE, i);
      byte expected = bytes.segment().get(ValueLayout.JAVA_BYTE, i);
      wrong += got == expected || (isNan(got) && isNan(expected)) ? 0 : 1;
    }
    boolean isWhole = values.count() == bytes.count() && values.dtype() == DType.F8_E4M3;
    return List.of(
        Comparison.holds("backend's input has its elements", isWhole),
        Comparison.exact("backend's scale_inv_x", ops.download(quantized.inverseScales()), scales),
        Comparison.wrong("backend's x_fp8", wrong, Math.toIntExact(bytes.count())));
  }

  private static boolean isNan(byte bits) {
    return Float.isNaN(Float8.fromE4m3(bits));
  }
}
