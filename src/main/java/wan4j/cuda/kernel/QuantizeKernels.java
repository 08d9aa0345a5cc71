package wan4j.cuda.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.BlockScales;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Activation;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of quantize.cu: E4M3 elements and their scales.
public final class QuantizeKernels {
  private static final int BLOCK = DeviceRules.SCALE_BLOCK;
  private static final int REDUCTION_THREADS = 1024;

  private record Key(
      String name,
      int columns,
      int vector,
      DType input,
      DType output,
      RowFormat format,
      Activation function,
      boolean biased) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();
  private final Set<Long> calibrated = new HashSet<>();
  private final Set<Long> unsettled = new LinkedHashSet<>();

  public QuantizeKernels(Device device) {
    this.device = device;
  }

  /// Quantises or converts rows `x` after adding `bias` (null for none) and applying a function.
  void rows(Tensor x, Tensor bias, Activation function, RowOutput target) {
    int columns = x.length(1);
    int vector =
        bias == null
            ? Tiling.vector(columns, x, target.written())
            : Tiling.vector(columns, x, target.written(), bias);
    Key key =
        new Key(
            "quantizeRows",
            columns,
            vector,
            x.dtype(),
            target.type(),
            target.format(),
            function,
            bias != null);
    if (x.length(0) == 0) {
      return;
    }
    target.addTo(
        device
            .arguments()
            .add(DeviceStorage.address(x))
            .add(bias == null ? 0L : DeviceStorage.address(bias)));
    device.launch(kernel(key), LaunchShape.of(x.length(0), Tiling.rowThreads(columns / vector)));
  }

  /// Notes the largest magnitude of each row.
  void rowLargest(Tensor x, Tensor largest) {
    int columns = x.length(1);
    int vector = Tiling.vector(columns, x);
    device.arguments().add(DeviceStorage.address(x)).add(DeviceStorage.address(largest));
    device.launch(
        kernel(plain("rowLargest", columns, vector, x.dtype())),
        LaunchShape.of(x.length(0), Tiling.rowThreads(columns / vector)));
  }

  /// Writes scale, inverse and magnitude of a tensor to a state from its rows' largest magnitudes.
  void currentScale(Tensor largest, long state) {
    device.arguments().add(DeviceStorage.address(largest)).add(largest.length(0)).add(state);
    device.launch(general("currentScale"), LaunchShape.of(1, REDUCTION_THREADS));
  }

  /// Rolls a state's history and takes its next scale; `used` gets the inverse of the scale before.
  void delayedScale(Tensor largest, long state, long used) {
    device
        .arguments()
        .add(DeviceStorage.address(largest))
        .add(largest.length(0))
        .add(state)
        .add(used);
    device.launch(general("delayedScale"), LaunchShape.of(1, REDUCTION_THREADS));
  }

  /// Sets magnitudes to 0.
  void clear(Tensor magnitudes) {
    device.fill(DeviceStorage.address(magnitudes), 0, magnitudes.bytes());
  }

  /// Copies the inverse scale out of a state.
  void keepInverse(long state, long inverse) {
    device.copy(inverse, state + Float.BYTES, Float.BYTES);
  }

  /// Quantises by the scale in a state.
  void quantizeTensor(Tensor x, Tensor target, long state) {
    int vector = Tiling.vector(x.count(), x, target);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(state)
        .add(x.count() / vector);
    device.launch(
        kernel(plain("quantizeTensor", BLOCK, vector, x.dtype())),
        LaunchShape.covering(x.count() / vector, Tiling.FLAT_THREADS));
  }

  /// Quantises a weight by pieces of 128 x 128; inverse scales lie `[outputs / 128, stride]`.
  public void quantizeSquares(Tensor x, Tensor target, Tensor inverse, int stride) {
    int columns = x.length(1);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(DeviceStorage.address(inverse))
        .add(x.length(0))
        .add(stride);
    device.launch(
        kernel(plain("quantizeSquares", columns, 1, x.dtype())),
        LaunchShape.of(Math.ceilDiv(columns, BLOCK), Math.ceilDiv(x.length(0), BLOCK), BLOCK));
  }

  /// Turns E4M3 rows back into what they stand for.
  public void dequantize(Operand.Quantized x, Tensor target) {
    int columns = target.length(1);
    int vector = Tiling.vector(columns, x.values(), target);
    RowFormat format =
        switch (x.format()) {
          case OperandFormat.Simple.FLOAT8_BLOCK -> RowFormat.BLOCK;
          case OperandFormat.Simple.FLOAT8_TOKEN -> RowFormat.TOKEN;
          default -> RowFormat.PLAIN; // one scale for all
        };
    int stride = x.inverseScales().storage() instanceof BlockScales scales ? scales.stride() : 0;
    DType codes = x.values().dtype();
    Key key =
        new Key(
            "dequantizeRows",
            columns,
            vector,
            codes,
            target.dtype(),
            format,
            Activation.NONE,
            false);
    device
        .arguments()
        .add(DeviceStorage.address(x.values()))
        .add(DeviceStorage.address(x.inverseScales()))
        .add(DeviceStorage.address(target))
        .add(stride);
    device.launch(
        kernel(key), LaunchShape.of(target.length(0), Tiling.rowThreads(columns / vector)));
  }

  /// Copies the rows of a matrix to one of the same type with shorter rows, or with longer ones,
  /// which get zeros behind them; rows that only one of the two has are left alone.
  public void fitRows(Tensor source, Tensor target) {
    int columns = target.length(1);
    long count = Math.min(source.shape().size(0), target.shape().size(0)) * columns;
    if (count == 0) {
      return;
    }
    device
        .arguments()
        .add(DeviceStorage.address(source))
        .add(DeviceStorage.address(target))
        .add(source.length(1))
        .add(columns)
        .add(count);
    device.launch(
        kernel(plain("fitRows", BLOCK, 1, source.dtype())),
        LaunchShape.covering(count, Tiling.FLAT_THREADS));
  }

  /// Says whether a state of delayed scaling has a scale from real magnitudes; waits for the device
  /// where the state has been used for the first time since [#settle].
  public boolean isCalibrated(Tensor state) {
    long address = DeviceStorage.address(state);
    if (unsettled.contains(address)) {
      settle();
    }
    return calibrated.contains(address);
  }

  /// Notes that a state of delayed scaling has been used for the first time.
  void noteCalibration(Tensor state) {
    unsettled.add(DeviceStorage.address(state));
  }

  /// Finds out which states that have been used for the first time have their scale now: all but
  /// those that saw a tensor which was all zero or not finite. Waits for the device where there are
  /// any.
  public void settle() {
    if (unsettled.isEmpty()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment magnitudes = arena.allocate(ValueLayout.JAVA_FLOAT, unsettled.size());
      long offset = 0;
      for (long state : unsettled) {
        device.copyOut(magnitudes.asSlice(offset, Float.BYTES), state + 2 * Float.BYTES);
        offset += Float.BYTES;
      }
      device.synchronize();
      int index = 0;
      for (long state : unsettled) {
        float largest = magnitudes.getAtIndex(ValueLayout.JAVA_FLOAT, index++);
        if (largest > 0 && Float.isFinite(largest)) {
          calibrated.add(state);
        }
      }
      unsettled.clear();
    }
  }

  /// Returns the addresses of the states that have a scale.
  public Set<Long> calibrated() {
    return Set.copyOf(calibrated);
  }

  /// Sets whether a state of delayed scaling has a scale from real magnitudes.
  public void calibrated(Tensor state, boolean isCalibrated) {
    if (isCalibrated) {
      calibrated.add(DeviceStorage.address(state));
    } else {
      forget(state);
    }
  }

  /// Forgets a state, whose memory is going away or whose history begins anew.
  public void forget(Tensor state) {
    long address = DeviceStorage.address(state);
    unsettled.remove(address);
    calibrated.remove(address);
  }

  private Kernel general(String name) {
    return kernel(plain(name, BLOCK, 8, DType.F32));
  }

  private static Key plain(String name, int columns, int vector, DType input) {
    return new Key(name, columns, vector, input, input, RowFormat.PLAIN, Activation.NONE, false);
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "quantize.cu",
                key.name,
                Map.of(
                    "COLUMNS", key.columns,
                    "VECTOR", key.vector,
                    "THREADS", Tiling.rowThreads(key.columns / key.vector),
                    "INPUT", ElementType.of(key.input),
                    "OUTPUT", ElementType.of(key.output),
                    "FORMAT", key.format.number(),
                    "FUNCTION", ElementType.of(key.function),
                    "BIASED", key.biased)));
  }
}
