package wan4j.cuda;

import java.util.List;
import java.util.function.Predicate;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.RowOutput;
import wan4j.ops.Activation;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.ops.backend.SideLayers;
import wan4j.ops.backend.SideStack;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Linear layers as matrix products, with bias and tanh-GELU in the last product where the library
/// can. A layer's adapters are added by products of their own, of which the last takes the bias and
/// the function.
public final class LinearLayers {
  /// What a product left undone: a bias, or null, and a function that the next kernel must apply.
  record Remainder(Tensor bias, Activation function) {}

  /// One product: `input weightᵀ` with the inverse scales of FP8 operands, or null, and `before`
  /// times what the target held.
  private record Product(
      MatmulDescription description,
      Tensor input,
      Tensor inputScales,
      Tensor weight,
      Tensor weightScales,
      float before,
      Tensor target) {
    Product as(MatmulDescription other) {
      return new Product(other, input, inputScales, weight, weightScales, before, target);
    }
  }

  private final Device device;
  private final MatrixProducts products;
  private final Formats formats;
  private final DeviceMemory memory;
  private final ElementwiseKernels elementwise;
  private final DType activation;
  private final Compute compute;
  // At 13,824 inputs fast sums add 0.5 % to the error of rounding to E4M3, and sums in float32 take
  // 7 to 10 % longer on an H100, with scales of tokens 28 to 36 % (benchmarks/h100-layers.json).
  private boolean isSumFast = true;
  private final SideLayers sides = new SideLayers();

  /// With TF32 among the types, float32 operands may be rounded for the tensor cores.
  LinearLayers(
      Device device,
      MatrixProducts products,
      Formats formats,
      DeviceMemory memory,
      ElementwiseKernels elementwise,
      CudaTypes types) {
    this.device = device;
    this.products = products;
    this.formats = formats;
    this.memory = memory;
    this.elementwise = elementwise;
    activation = types.activation();
    compute = types.tf32() ? Compute.TF32 : Compute.FLOAT32;
  }

  /// Returns the adapters of the layers.
  SideLayers sides() {
    return sides;
  }

  /// Returns `function(x weightᵀ + bias)` of `shape`, in the activation type or, for a float32
  /// layer, in float32.
  Tensor linear(Shape shape, Operand x, CudaLinear layer, Activation function) {
    DType wanted = layer.precision().isFloat8() ? activation : outputType(layer);
    Tensor target = memory.empty(wanted, shape);
    write(x, layer, function, target);
    return target;
  }

  /// Writes `function(x weightᵀ + bias)` to a float tensor.
  void write(Operand x, CudaLinear layer, Activation function, Tensor target) {
    DType type = outputType(layer);
    try (Scope _ = memory.scope()) {
      boolean isOwn = type == target.dtype() && hasRoomForScales(x, layer, target);
      Tensor product = isOwn ? target : memory.empty(type, target.shape());
      Remainder remainder = run(inTypeOf(layer, x), layer, function, product);
      if (remainder.bias() != null) {
        elementwise.addBias(product, remainder.bias(), remainder.function(), null, product);
      }
      Activation left = remainder.bias() == null ? remainder.function() : Activation.NONE;
      if (left != Activation.NONE || product != target) {
        elementwise.convert(product, target, left);
      }
    }
  }

  /// Returns `function(x weightᵀ + bias)` of `shape` in the format that the next layer wants.
  Operand linear(
      Shape shape, Operand x, CudaLinear layer, Activation function, OperandFormat want) {
    DType type = outputType(layer);
    if (formats.plainType(want) == type) {
      return new Operand.Plain(linear(shape, x, layer, function));
    }
    MatmulDescription direct = direct(shape, x, layer, function, want);
    if (direct != null) {
      try (RowOutput output = formats.output(shape, want)) {
        runDirect(direct, x, layer, output);
        return output.finish();
      }
    }
    try (RowOutput output = formats.outputOfTensor(shape, want)) {
      try (Scope _ = memory.scope()) {
        Tensor product = memory.empty(type, shape);
        formats.write(product, run(inTypeOf(layer, x), layer, function, product), output);
      }
      return output.finish();
    }
  }

  /// Returns the product that quantises its own sums by delayed scaling's known scale, or null
  /// where there is none.
  private MatmulDescription direct(
      Shape shape, Operand x, CudaLinear layer, Activation function, OperandFormat want) {
    boolean isPossible =
        want instanceof OperandFormat.Delayed delayed
            && formats.isKnown(delayed)
            && layer.precision().isFloat8()
            && layer.precision().weightGranularity() == Granularity.TENSOR
            && sides.of(layer) == null
            && !layer.isPadded()
            && shape.size(0) > 0;
    if (!isPossible) {
      return null;
    }
    long rows = padded(shape.size(0));
    MatmulDescription bare =
        MatmulDescription.linear(
            rows, layer.outputs(), layer.inputs(), Element.FLOAT8_E4M3, Element.FLOAT8_E4M3);
    MatmulDescription fused =
        fused(
            scaled(bare, layer.precision(), isSumFast),
            layer.bias() != null,
            function,
            products::isSupported);
    boolean isWhole =
        fused.epilogue().biased() == (layer.bias() != null)
            && (function == Activation.NONE || isGelu(fused.epilogue()));
    return hasRoom(x.values(), layer.inputs()) && isWhole && products.isSupported(fused)
        ? fused
        : null;
  }

  private static boolean isGelu(Epilogue epilogue) {
    return epilogue == Epilogue.GELU || epilogue == Epilogue.GELU_BIAS;
  }

  /// Runs such a product. The rows that pad the last tile repeat the last one, since the library
  /// looks for the largest sum in all of them.
  private void runDirect(MatmulDescription direct, Operand x, CudaLinear layer, RowOutput output) {
    Tensor values = x.values();
    long row = layer.inputs();
    long end = DeviceStorage.address(values) + values.shape().size(0) * row;
    long missing = direct.rows() - values.shape().size(0);
    for (long copied = 0; copied < missing; ) {
      long now = Math.min(copied + 1, missing - copied);
      device.copy(end + copied * row, end - row, now * row);
      copied += now;
    }
    MatmulPlan plan = products.plan(direct);
    plan.outputScale(output.scale());
    plan.outputMaximum(output.maximum());
    multiply(
        new Product(
            direct,
            values,
            ((Operand.Quantized) x).inverseScales(),
            layer.weight(),
            layer.inverse(),
            0,
            output.written()),
        layer.bias());
  }

  /// Says whether a product with the scales of tiles, which lie for whole tiles of rows, can be
  /// written to a target.
  private static boolean hasRoomForScales(Operand x, CudaLinear layer, Tensor target) {
    return !(x instanceof Operand.Quantized quantized)
        || quantized.format() != OperandFormat.Simple.FLOAT8_BLOCK
        || layer.isPadded()
        || hasRoom(target, layer.outputs());
  }

  /// Says whether a tensor has room for whole tiles of rows of so many columns.
  private static boolean hasRoom(Tensor tensor, long columns) {
    long rows = padded(tensor.shape().size(0));
    return tensor.storage().bytes() >= rows * columns * tensor.dtype().bytes();
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
    device.renew();
  }

  /// Writes `x weightᵀ + bias` and as much of the function as the library can do to `target [rows,
  /// outputs]`, and returns what is left to do; temporary tensors are left in the innermost scope.
  private Remainder run(Operand x, CudaLinear layer, Activation function, Tensor target) {
    if (target.length(0) == 0) {
      return new Remainder(null, Activation.NONE);
    }
    SideStack side = sides.of(layer);
    Tensor bias = side == null ? layer.bias() : side.bias();
    Product last = null; // what is still to be run
    if (layer.isPadded()) {
      multiplyPadded((Operand.Quantized) x, layer, target);
    } else {
      last = main(x, x.values(), layer, target);
    }
    if (side != null && !side.chains().isEmpty()) {
      Tensor values = formats.plain(x);
      for (List<Tensor> chain : side.chains()) {
        if (last != null) {
          multiply(last, null);
        }
        last = along(chain, values, target);
      }
    }
    return last == null ? new Remainder(bias, function) : finish(last, bias, function);
  }

  /// The product of a layer's weight with `values`, the operand's or a copy with longer rows.
  private Product main(Operand x, Tensor values, CudaLinear layer, Tensor target) {
    return new Product(
        describe(x, values, layer, target),
        values,
        x instanceof Operand.Quantized quantized ? quantized.inverseScales() : null,
        layer.weight(),
        layer.inverse(),
        0,
        target);
  }

  /// Runs a layer's product on a copy of its input with zeros behind the columns, and cuts the
  /// columns of the sums.
  private void multiplyPadded(Operand.Quantized x, CudaLinear layer, Tensor target) {
    try (Scope _ = memory.scope()) {
      long rows = target.shape().size(0);
      Tensor values = memory.empty(DType.F8_E4M3, Shape.of(rows, layer.weight().length(1)));
      Tensor sums = memory.empty(target.dtype(), Shape.of(rows, layer.weight().length(0)));
      formats.fitRows(x.values(), values);
      multiply(main(x, values, layer, sums), null);
      formats.fitRows(sums, target);
    }
  }

  /// Runs all of a chain but the last product, which adds to the target, and returns that.
  private Product along(List<Tensor> chain, Tensor x, Tensor target) {
    Tensor values = x;
    for (Tensor weight : chain.subList(0, chain.size() - 1)) {
      Tensor next = memory.empty(values.dtype(), Shape.of(x.length(0), weight.length(0)));
      multiply(adapter(values, weight, 0, next), null);
      values = next;
    }
    return adapter(values, chain.getLast(), 1, target);
  }

  private Product adapter(Tensor x, Tensor weight, float before, Tensor target) {
    Element type = MatrixProducts.type(x.dtype());
    MatmulDescription description =
        MatmulDescription.linear(
                x.length(0),
                weight.length(0),
                weight.length(1),
                type,
                MatrixProducts.type(target.dtype()))
            .with(type == Element.FLOAT32 ? compute : Compute.FLOAT32);
    return new Product(description, x, null, weight, null, before, target);
  }

  /// Runs a product with as much of bias and function as the library can do behind it.
  private Remainder finish(Product product, Tensor bias, Activation function) {
    MatmulDescription fused =
        fused(product.description(), bias != null, function, products::isSupported);
    multiply(product.as(fused), bias);
    return switch (fused.epilogue()) {
      case GELU, GELU_BIAS -> new Remainder(null, Activation.NONE);
      case BIAS -> new Remainder(null, function);
      case NONE -> new Remainder(bias, function);
    };
  }

  /// Returns a product with as much of its bias and function as the library can do.
  public static MatmulDescription fused(
      MatmulDescription bare,
      boolean isBiased,
      Activation function,
      Predicate<MatmulDescription> isSupported) {
    if (function == Activation.GELU_TANH) {
      MatmulDescription fused = bare.with(isBiased ? Epilogue.GELU_BIAS : Epilogue.GELU);
      if (isSupported.test(fused)) {
        return fused;
      }
    }
    MatmulDescription biased = bare.with(Epilogue.BIAS);
    return isBiased && isSupported.test(biased) ? biased : bare;
  }

  private MatmulDescription describe(Operand x, Tensor values, CudaLinear layer, Tensor target) {
    int outputs = layer.weight().length(0);
    int inputs = layer.weight().length(1);
    long rows = target.shape().size(0);
    Element input = MatrixProducts.type(values.dtype());
    Element output = MatrixProducts.type(target.dtype());
    // Both tensors have room behind their last row, so FP8 products always see whole tiles.
    boolean isPadded =
        x instanceof Operand.Quantized && hasRoom(values, inputs) && hasRoom(target, outputs);
    MatmulDescription bare =
        MatmulDescription.linear(isPadded ? padded(rows) : rows, outputs, inputs, input, output);
    return scaled(
        bare.with(input == Element.FLOAT32 ? compute : Compute.FLOAT32),
        layer.precision(),
        isSumFast);
  }

  /// Returns the rows that an FP8 product sees.
  public static long padded(long rows) {
    return Math.ceilDiv(rows, DeviceMemory.ROWS) * DeviceMemory.ROWS;
  }

  /// Returns a product with the scales of a layer's precision; `isSumFast` allows the tensor cores'
  /// shorter sums.
  public static MatmulDescription scaled(
      MatmulDescription bare, Precision precision, boolean isSumFast) {
    return switch (precision) {
      case PLAIN, FLOAT32 -> bare;
      case FLOAT8_TOKEN ->
          bare.withScales(Scale.VECTOR, Scale.VECTOR).withFastAccumulation(isSumFast);
      case FLOAT8_BLOCK -> bare.withScales(Scale.BLOCK_1X128, Scale.BLOCK_128X128);
      case FLOAT8_CURRENT, FLOAT8_DELAYED -> bare.withFastAccumulation(isSumFast);
    };
  }

  private void multiply(Product product, Tensor bias) {
    MatmulPlan plan = products.plan(product.description());
    if (product.description().epilogue().biased()) {
      plan.bias(DeviceStorage.address(bias));
    }
    if (product.inputScales() != null) {
      plan.scales(
          DeviceStorage.address(product.inputScales()),
          DeviceStorage.address(product.weightScales()));
    }
    products.run(
        plan,
        DeviceStorage.address(product.input()),
        DeviceStorage.address(product.weight()),
        product.before(),
        DeviceStorage.address(product.target()));
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
