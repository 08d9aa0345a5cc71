package wan4j.cuda;

import wan4j.cuda.bind.KernelArguments;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Where a producing kernel writes the rows of an operand, and what remains to be done after it.
/// The kernel takes `format` and `type` as constants and [#addTo] as its last arguments; [#finish]
/// then queues the rest and returns the operand.
final class RowOutput {
  private static final int CHECKED_COLUMNS = 16; // what FP8 matrix units want

  private final QuantizeKernels kernels;
  private final OperandFormat want;
  private final Tensor result;
  private final Tensor inverse;
  private final Scope temporaries;
  private final RowFormat format;
  private final Tensor written;
  private final Tensor largest;
  private final long state;
  private final int stride;

  /// Makes room for an operand of this shape; `activation` is the type of plain elements.
  RowOutput(
      DeviceMemory memory,
      QuantizeKernels kernels,
      DType activation,
      Shape shape,
      OperandFormat want) {
    this.kernels = kernels;
    this.want = want;
    int rows = shape.length(0);
    stride = Math.toIntExact(Math.ceilDiv(rows, DeviceMemory.ROWS) * DeviceMemory.ROWS);
    boolean isQuantized =
        want != OperandFormat.Simple.PLAIN && want != OperandFormat.Simple.FLOAT32;
    if (!isQuantized) {
      result = memory.empty(want == OperandFormat.Simple.PLAIN ? activation : DType.F32, shape);
      inverse = null;
    } else {
      if (shape.size(1) % CHECKED_COLUMNS != 0) {
        throw new IllegalArgumentException(
            "got %s to quantise, expected columns in multiples of 16, which FP8 matrix units need; keep the layer in bfloat16"
                .formatted(shape));
      }
      result = memory.empty(DType.F8_E4M3, shape);
      inverse = inverseScales(memory, shape);
    }
    temporaries = memory.scope();
    switch (want) {
      case OperandFormat.Delayed delayed -> {
        boolean isKnown = kernels.isCalibrated(delayed.state());
        format = isKnown ? RowFormat.DELAYED : RowFormat.NOTED;
        written = isKnown ? result : memory.empty(activation, shape);
        largest = memory.empty(DType.F32, Shape.of(Math.max(rows, 1)));
        state = DeviceStorage.address(delayed.state());
      }
      case OperandFormat.Simple simple -> {
        format =
            switch (simple) {
              case PLAIN, FLOAT32 -> RowFormat.PLAIN;
              case FLOAT8_CURRENT -> RowFormat.NOTED;
              case FLOAT8_TOKEN -> RowFormat.TOKEN;
              case FLOAT8_BLOCK -> RowFormat.BLOCK;
            };
        boolean isNoted = format == RowFormat.NOTED;
        written = isNoted ? memory.empty(activation, shape) : result;
        largest = isNoted ? memory.empty(DType.F32, Shape.of(Math.max(rows, 1))) : null;
        state =
            isNoted
                ? DeviceStorage.address(
                    memory.empty(DType.F32, Shape.of(QuantizeKernels.STATE_LENGTH)))
                : 0;
      }
    }
  }

  private Tensor inverseScales(DeviceMemory memory, Shape shape) {
    if (want instanceof OperandFormat.Simple simple) {
      if (simple == OperandFormat.Simple.FLOAT8_TOKEN) {
        return new Tensor(
            Shape.of(shape.size(0)), DType.F32, memory.take((long) stride * Float.BYTES));
      }
      if (simple == OperandFormat.Simple.FLOAT8_BLOCK) {
        long blocks = Math.ceilDiv(shape.size(1), (long) QuantizeKernels.BLOCK);
        return new Tensor(
            Shape.of(shape.size(0), blocks),
            DType.F32,
            new BlockScales(memory.take(Math.max(1, blocks * stride) * Float.BYTES), stride));
      }
    }
    return memory.empty(DType.F32, Shape.of(1));
  }

  /// How the kernel writes.
  RowFormat format() {
    return format;
  }

  /// The type of plain elements that the kernel writes.
  DType type() {
    return format == RowFormat.PLAIN ? result.dtype() : written.dtype();
  }

  /// The tensor that the kernel writes.
  Tensor written() {
    return written;
  }

  /// Adds the arguments `values, inverse, largest, state, stride`.
  KernelArguments addTo(KernelArguments arguments) {
    return arguments
        .add(DeviceStorage.address(written))
        .add(inverse == null ? 0L : DeviceStorage.address(inverse))
        .add(largest == null ? 0L : DeviceStorage.address(largest))
        .add(state)
        .add(stride);
  }

  /// Queues what the scale of a whole tensor needs and returns the operand.
  Operand finish() {
    switch (want) {
      case OperandFormat.Delayed delayed -> {
        if (format == RowFormat.NOTED) {
          kernels.currentScale(largest, state);
          kernels.quantizeTensor(written, result, state);
          kernels.noteCalibration(delayed.state());
        }
        kernels.delayedScale(largest, state, DeviceStorage.address(inverse));
      }
      case OperandFormat.Simple simple -> {
        if (simple == OperandFormat.Simple.FLOAT8_CURRENT) {
          kernels.currentScale(largest, state);
          kernels.quantizeTensor(written, result, state);
          kernels.keepInverse(state, DeviceStorage.address(inverse));
        }
      }
    }
    temporaries.close();
    return inverse == null
        ? new Operand.Plain(result)
        : new Operand.Quantized(result, inverse, want);
  }
}
