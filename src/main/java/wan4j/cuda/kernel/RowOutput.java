package wan4j.cuda.kernel;

import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.device.BlockScales;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.Activation;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Where a producing kernel writes the rows of an operand, and what remains to be done after it.
/// The kernel takes `format` and `type` as constants and [#addTo] as its last arguments; [#finish]
/// then queues the rest and returns the operand. Rows that lie in a tensor already go through
/// [#take] in place of a kernel. Rows whose columns FP8 matrix units do not take are written plain
/// and quantised by [#finish] with zeros behind them, which change no scale.
public final class RowOutput implements AutoCloseable {
  private final DeviceMemory memory;
  private final QuantizeKernels kernels;
  private final DType activation;
  private final OperandFormat want;
  private final Tensor result;
  private final Tensor inverse;
  private final Scope temporaries;
  private final RowFormat format;
  private final Tensor written;
  private final Tensor largest;
  private final long state;
  private final int stride;
  private final boolean isUneven;
  private final boolean waitsInPlace;
  private boolean isClosed;

  /// Makes room for an operand of this shape; `activation` is the type of plain elements, `notes`
  /// how many magnitudes are noted where the format wants them, and `isTaken` says that its rows
  /// come from a tensor, so that those which wait for the scale of them all can do so there.
  public RowOutput(
      DeviceMemory memory,
      QuantizeKernels kernels,
      DType activation,
      Shape shape,
      OperandFormat want,
      int notes,
      boolean isTaken) {
    this(memory, kernels, activation, shape, want, notes, isTaken, null);
  }

  /// Writes to the `inverse` scales of another output, or makes room for them where that is null.
  private RowOutput(
      DeviceMemory memory,
      QuantizeKernels kernels,
      DType activation,
      Shape shape,
      OperandFormat want,
      int notes,
      boolean isTaken,
      Tensor inverse) {
    this.memory = memory;
    this.kernels = kernels;
    this.activation = activation;
    this.want = want;
    isUneven = DeviceRules.isUneven(want, shape.size(1));
    waitsInPlace = isTaken && want == OperandFormat.Simple.FLOAT8_CURRENT && !isUneven;
    format = isUneven ? RowFormat.PLAIN : format(kernels, want);
    int rows = shape.length(0);
    stride = Math.toIntExact(Math.ceilDiv(rows, DeviceMemory.ROWS) * DeviceMemory.ROWS);
    if (format == RowFormat.PLAIN && !isUneven) {
      result = memory.empty(want == OperandFormat.Simple.PLAIN ? activation : DType.F32, shape);
      this.inverse = null;
    } else {
      result = memory.empty(DType.F8_E4M3, shape);
      this.inverse = inverse == null ? inverseScales(memory, shape) : inverse;
    }
    temporaries = memory.scope();
    try {
      boolean waits = format == RowFormat.NOTED;
      boolean isWrittenAside = isUneven || (waits && !waitsInPlace);
      written = isWrittenAside ? memory.empty(activation, shape) : result;
      largest = waits || format == RowFormat.DELAYED ? magnitudes(memory, notes) : null;
      if (want instanceof OperandFormat.Delayed delayed) {
        state = DeviceStorage.address(delayed.state());
      } else {
        state =
            waits
                ? DeviceStorage.address(
                    memory.empty(DType.F32, Shape.of(DeviceRules.SCALING_STATE)))
                : 0;
      }
    } catch (RuntimeException | Error e) {
      temporaries.close();
      throw e;
    }
  }

  private static RowFormat format(QuantizeKernels kernels, OperandFormat want) {
    return switch (want) {
      case OperandFormat.Delayed delayed ->
          kernels.isCalibrated(delayed.state()) ? RowFormat.DELAYED : RowFormat.NOTED;
      case OperandFormat.Simple simple ->
          switch (simple) {
            case PLAIN, FLOAT32 -> RowFormat.PLAIN;
            case FLOAT8_CURRENT -> RowFormat.NOTED;
            case FLOAT8_TOKEN -> RowFormat.TOKEN;
            case FLOAT8_BLOCK -> RowFormat.BLOCK;
          };
    };
  }

  /// Makes room for magnitudes; where none will be noted, the largest is 0.
  private Tensor magnitudes(DeviceMemory memory, int count) {
    Tensor magnitudes = memory.empty(DType.F32, Shape.of(Math.max(count, 1)));
    if (count == 0) {
      kernels.clear(magnitudes);
    }
    return magnitudes;
  }

  private Tensor inverseScales(DeviceMemory memory, Shape shape) {
    if (want instanceof OperandFormat.Simple simple) {
      if (simple == OperandFormat.Simple.FLOAT8_TOKEN) {
        return new Tensor(
            Shape.of(shape.size(0)), DType.F32, memory.take((long) stride * Float.BYTES));
      }
      if (simple == OperandFormat.Simple.FLOAT8_BLOCK) {
        long blocks = Math.ceilDiv(shape.size(1), (long) DeviceRules.SCALE_BLOCK);
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
    return written.dtype();
  }

  /// The tensor that the kernel writes.
  public Tensor written() {
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

  /// Writes rows of a tensor, after a bias (null for none) and a function, which may be done in
  /// place.
  public void take(Tensor x, Tensor bias, Activation function, ElementwiseKernels elementwise) {
    if (!waitsInPlace) {
      kernels.rows(x, bias, function, this);
      return;
    }
    if (x.count() == 0) {
      return;
    }
    if (bias != null) {
      elementwise.addBias(x, bias, function, null, x);
    } else if (function != Activation.NONE) {
      elementwise.convert(x, x, function);
    }
    kernels.rowLargest(x, largest);
    kernels.currentScale(largest, state);
    kernels.quantizeTensor(x, result, state);
  }

  /// Returns where delayed scaling's known scale lies, for products that quantise their sums.
  public long scale() {
    return state;
  }

  /// Returns where such a product writes the largest magnitude of its sums; clears the rest.
  public long maximum() {
    kernels.clear(largest);
    return DeviceStorage.address(largest);
  }

  /// Queues what the scale of a whole tensor needs and returns the operand.
  public Operand finish() {
    if (isUneven) {
      finishUneven();
      close();
      return new Operand.Quantized(result, inverse, want);
    }
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
          if (!waitsInPlace) {
            kernels.currentScale(largest, state);
            kernels.quantizeTensor(written, result, state);
          }
          kernels.keepInverse(state, DeviceStorage.address(inverse));
        }
      }
    }
    close();
    return inverse == null
        ? new Operand.Plain(result)
        : new Operand.Quantized(result, inverse, want);
  }

  /// Quantises the rows with zeros behind them, which leaves their scales as they are, and keeps
  /// the codes of the rows.
  private void finishUneven() {
    Tensor wide = memory.empty(activation, DeviceRules.paddedRows(result.shape()));
    kernels.fitRows(written, wide);
    try (RowOutput even =
        new RowOutput(
            memory, kernels, activation, wide.shape(), want, wide.length(0), true, inverse)) {
      even.take(wide, null, Activation.NONE, null);
      kernels.fitRows(even.finish().values(), result);
    }
  }

  /// Gives back what the kernels need beside the operand, whether it is finished or not.
  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      temporaries.close();
    }
  }
}
