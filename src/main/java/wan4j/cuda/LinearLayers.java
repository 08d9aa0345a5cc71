package wan4j.cuda;

import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.ops.Activation;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Linear layers as matrix products, with bias and tanh-GELU in the product where the library can.
final class LinearLayers {
  /// What a product left undone: a bias, or null, and a function that the next kernel must apply.
  record Remainder(Tensor bias, Activation function) {}

  private final Products products;
  private final Formats formats;
  private final DeviceMemory memory;
  private final ElementwiseKernels elementwise;
  private final DType activation;
  private final Compute compute;
  private boolean isSumFast = true;

  /// With TF32 among the types, float32 operands may be rounded for the tensor cores.
  LinearLayers(
      Products products,
      Formats formats,
      DeviceMemory memory,
      ElementwiseKernels elementwise,
      CudaTypes types) {
    this.products = products;
    this.formats = formats;
    this.memory = memory;
    this.elementwise = elementwise;
    activation = types.activation();
    compute = types.tf32() ? Compute.TF32 : Compute.FLOAT32;
  }

  /// Returns `function(x weightᵀ + bias)` of `shape`, in the activation type or, for a float32
  /// layer, in float32.
  Tensor linear(Shape shape, Operand x, CudaLinear layer, Activation function) {
    DType type = outputType(layer);
    DType wanted = layer.precision().isFloat8() ? activation : type;
    Tensor target = memory.empty(wanted, shape);
    try (Scope _ = memory.scope()) {
      Tensor product = type == wanted ? target : memory.empty(type, shape);
      Remainder remainder = run(inTypeOf(layer, x), layer, function, product);
      if (remainder.bias() != null) {
        elementwise.addBias(product, remainder.bias(), remainder.function(), null, product);
      }
      Activation left = remainder.bias() == null ? remainder.function() : Activation.NONE;
      if (left != Activation.NONE || product != target) {
        elementwise.convert(product, target, left);
      }
    }
    return target;
  }

  /// Returns `function(x weightᵀ + bias)` of `shape` in the format that the next layer wants.
  Operand linear(
      Shape shape, Operand x, CudaLinear layer, Activation function, OperandFormat want) {
    DType type = outputType(layer);
    if (formats.plainType(want) == type) {
      return new Operand.Plain(linear(shape, x, layer, function));
    }
    RowOutput output = formats.output(shape, want);
    try (Scope _ = memory.scope()) {
      Tensor product = memory.empty(type, shape);
      formats.write(product, run(inTypeOf(layer, x), layer, function, product), output);
    }
    return output.finish();
  }

  /// A plain operand in the type of the layer's weight.
  private Operand inTypeOf(CudaLinear layer, Operand x) {
    return x instanceof Operand.Plain plain
        ? new Operand.Plain(formats.as(layer.weight().dtype(), plain.values()))
        : x;
  }

  /// Says whether FP8 products may sum in the matrix units' own, shorter registers.
  void sumFast(boolean isFast) {
    isSumFast = isFast;
  }

  /// Writes `x weightᵀ + bias` and as much of the function as the library can do to `target [rows,
  /// outputs]`, and returns what is left to do.
  private Remainder run(Operand x, CudaLinear layer, Activation function, Tensor target) {
    int rows = target.length(0);
    if (rows == 0) {
      return new Remainder(null, Activation.NONE);
    }
    MatmulDescription bare = describe(x, layer, target);
    boolean isBiased = layer.bias() != null;
    if (function == Activation.GELU_TANH) {
      MatmulDescription fused = bare.with(isBiased ? Epilogue.GELU_BIAS : Epilogue.GELU);
      if (products.isSupported(fused)) {
        multiply(fused, x, layer, target);
        return new Remainder(null, Activation.NONE);
      }
    }
    if (isBiased && products.isSupported(bare.with(Epilogue.BIAS))) {
      multiply(bare.with(Epilogue.BIAS), x, layer, target);
      return new Remainder(null, function);
    }
    multiply(bare, x, layer, target);
    return new Remainder(layer.bias(), function);
  }

  private MatmulDescription describe(Operand x, CudaLinear layer, Tensor target) {
    Tensor values = x.values();
    long rows = target.shape().size(0);
    Element input = Products.type(values.dtype());
    Element output = Products.type(target.dtype());
    if (x instanceof Operand.Plain) {
      return MatmulDescription.linear(rows, layer.outputs(), layer.inputs(), input, output)
          .with(input == Element.FLOAT32 ? compute : Compute.FLOAT32);
    }
    // Both tensors have room behind their last row, so FP8 products always see whole tiles.
    long padded = Math.ceilDiv(rows, DeviceMemory.ROWS) * DeviceMemory.ROWS;
    boolean hasRoom =
        values.storage().bytes() >= padded * layer.inputs()
            && target.storage().bytes() >= padded * layer.outputs() * target.dtype().bytes();
    MatmulDescription description =
        MatmulDescription.linear(
            hasRoom ? padded : rows, layer.outputs(), layer.inputs(), input, output);
    return switch (layer.precision()) {
      case FLOAT8_TOKEN ->
          description.withScales(Scale.VECTOR, Scale.VECTOR).withFastAccumulation(isSumFast);
      case FLOAT8_BLOCK -> description.withScales(Scale.BLOCK_1X128, Scale.BLOCK_128X128);
      case FLOAT8_CURRENT, FLOAT8_DELAYED, PLAIN, FLOAT32 ->
          description.withFastAccumulation(isSumFast);
    };
  }

  private void multiply(MatmulDescription description, Operand x, CudaLinear layer, Tensor target) {
    MatmulPlan plan = products.plan(description);
    if (description.epilogue().biased()) {
      plan.bias(DeviceStorage.address(layer.bias()));
    }
    if (x instanceof Operand.Quantized quantized) {
      plan.scales(
          DeviceStorage.address(quantized.inverseScales()), DeviceStorage.address(layer.inverse()));
    }
    products.run(
        plan,
        DeviceStorage.address(x.values()),
        DeviceStorage.address(layer.weight()),
        DeviceStorage.address(target));
  }

  /// The type in which a layer's product is written.
  private DType outputType(CudaLinear layer) {
    return switch (layer.precision()) {
      case FLOAT32 -> DType.F32;
      case PLAIN -> activation;
      // What cuBLASLt offers for every way of scaling.
      case FLOAT8_CURRENT, FLOAT8_DELAYED, FLOAT8_BLOCK, FLOAT8_TOKEN -> DType.BF16;
    };
  }
}
