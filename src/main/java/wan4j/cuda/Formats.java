package wan4j.cuda;

import java.util.function.Consumer;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.QuantizeKernels;
import wan4j.cuda.kernel.RowOutput;
import wan4j.ops.Activation;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Values in the formats and types that their consumers want.
final class Formats {
  private final DeviceMemory memory;
  private final QuantizeKernels quantization;
  private final ElementwiseKernels elementwise;
  private final DType activation;

  /// `activation` is the type of plain elements.
  Formats(
      DeviceMemory memory,
      QuantizeKernels quantization,
      ElementwiseKernels elementwise,
      DType activation) {
    this.memory = memory;
    this.quantization = quantization;
    this.elementwise = elementwise;
    this.activation = activation;
  }

  /// Returns the type of a plain format's elements, or null for a quantised format.
  DType plainType(OperandFormat format) {
    return switch (format) {
      case OperandFormat.Delayed _ -> null;
      case OperandFormat.Simple simple ->
          switch (simple) {
            case PLAIN -> activation;
            case FLOAT32 -> DType.F32;
            case FLOAT8_CURRENT, FLOAT8_BLOCK, FLOAT8_TOKEN -> null;
          };
    };
  }

  /// Makes room for rows that a kernel writes in this format.
  RowOutput output(Shape shape, OperandFormat want) {
    return output(shape, want, shape.length(0));
  }

  /// Makes room for rows that a kernel writes in this format, noting so many magnitudes in all
  /// where the format has it note them.
  RowOutput output(Shape shape, OperandFormat want, int notes) {
    return new RowOutput(memory, quantization, activation, shape, want, notes, false);
  }

  /// Makes room for rows that [#write] takes from a tensor.
  RowOutput outputOfTensor(Shape shape, OperandFormat want) {
    return new RowOutput(memory, quantization, activation, shape, want, shape.length(0), true);
  }

  /// Says whether the next scale of delayed scaling's values is known already.
  boolean isKnown(OperandFormat.Delayed delayed) {
    return quantization.isCalibrated(delayed.state());
  }

  /// Returns a tensor in a format: itself where that is the format, else by a pass of its own.
  Operand of(Tensor x, OperandFormat want) {
    if (x.dtype() == plainType(want)) {
      return new Operand.Plain(x);
    }
    try (RowOutput output = outputOfTensor(x.shape(), want)) {
      write(x, new LinearLayers.Remainder(null, Activation.NONE), output);
      return output.finish();
    }
  }

  /// Returns what `kernel` writes to an activation tensor, in a format.
  Operand written(Shape shape, OperandFormat want, Consumer<Tensor> kernel) {
    if (plainType(want) == activation) {
      Tensor target = memory.empty(activation, shape);
      kernel.accept(target);
      return new Operand.Plain(target);
    }
    try (RowOutput output = outputOfTensor(shape, want)) {
      try (Scope _ = memory.scope()) {
        Tensor target = memory.empty(activation, shape);
        kernel.accept(target);
        write(target, new LinearLayers.Remainder(null, Activation.NONE), output);
      }
      return output.finish();
    }
  }

  /// Returns an operand as matrix units of 16 or 32 bits take it. A branch sees the same rounded
  /// values as the FP8 weight: with that it is as near to a merged weight as can be, and no
  /// producer has to write its rows twice.
  Tensor plain(Operand x) {
    return switch (x) {
      case Operand.Plain plain -> plain.values();
      case Operand.Quantized quantized -> {
        Tensor target = memory.empty(DType.BF16, quantized.values().shape());
        quantization.dequantize(quantized, target);
        yield target;
      }
    };
  }

  /// Writes rows, after what their product left undone, to an output; that may be done in place.
  void write(Tensor x, LinearLayers.Remainder remainder, RowOutput output) {
    output.take(x, remainder.bias(), remainder.function(), elementwise);
  }

  /// Copies the rows of a matrix, cut or with zeros behind them.
  void fitRows(Tensor source, Tensor target) {
    quantization.fitRows(source, target);
  }

  /// Returns a tensor in an element type: itself, or a copy in the innermost scope.
  Tensor as(DType dtype, Tensor x) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor converted = memory.empty(dtype, x.shape());
    elementwise.convert(x, converted, Activation.NONE);
    return converted;
  }
}
