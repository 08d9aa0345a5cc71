package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of compare.cu: squared lengths and products of rows.
public final class CompareKernels {
  private record Key(int columns, int vector, DType current, DType previous) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public CompareKernels(Device device) {
    this.device = device;
  }

  /// Writes `[rows, 3]`: both rows' squared lengths, and their product.
  public void compareRows(Tensor current, Tensor previous, Tensor result) {
    int columns = current.length(1);
    Key key =
        new Key(
            columns, Tiling.vector(columns, current, previous), current.dtype(), previous.dtype());
    device
        .arguments()
        .add(DeviceStorage.address(current))
        .add(DeviceStorage.address(previous))
        .add(DeviceStorage.address(result));
    device.launch(
        kernel(key), LaunchShape.of(current.length(0), Tiling.rowThreads(columns / key.vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "compare.cu",
                "compareRows",
                Map.of(
                    "COLUMNS", key.columns,
                    "VECTOR", key.vector,
                    "THREADS", Tiling.rowThreads(key.columns / key.vector),
                    "CURRENT", ElementType.of(key.current),
                    "PREVIOUS", ElementType.of(key.previous))));
  }
}
