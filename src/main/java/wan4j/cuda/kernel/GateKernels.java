package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of gate.cu: gated residuals and gated GELU.
public final class GateKernels {
  private record Key(
      String name,
      int columns,
      int vector,
      DType residual,
      DType input,
      DType output,
      RowFormat format) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public GateKernels(Device device) {
    this.device = device;
  }

  /// Adds `y` times the gate of each row's group to `x`.
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    if (x.count() == 0) {
      return;
    }
    int columns = x.length(1);
    int vector = Tiling.vector(columns, x, y, gate);
    long vectors = x.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(y))
        .add(DeviceStorage.address(gate))
        .add(DeviceStorage.address(rows))
        .add(vectors);
    Key key =
        new Key("gatedAdd", columns, vector, x.dtype(), y.dtype(), y.dtype(), RowFormat.PLAIN);
    device.launch(kernel(key), LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Writes gelu(first half) times second half.
  public void gatedGelu(Tensor x, RowOutput target) {
    if (x.length(0) == 0) {
      return;
    }
    int columns = x.length(1) / 2;
    int vector = Tiling.vector(columns, x, target.written());
    target.addTo(device.arguments().add(DeviceStorage.address(x)));
    Key key =
        new Key("gatedGelu", columns, vector, x.dtype(), x.dtype(), target.type(), target.format());
    device.launch(kernel(key), LaunchShape.of(x.length(0), Tiling.rowThreads(columns / vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "gate.cu",
                key.name,
                Map.of(
                    "COLUMNS", key.columns,
                    "VECTOR", key.vector,
                    "THREADS", Tiling.rowThreads(key.columns / key.vector),
                    "RESIDUAL", ElementType.of(key.residual),
                    "INPUT", ElementType.of(key.input),
                    "OUTPUT", ElementType.of(key.output),
                    "FORMAT", key.format.number())));
  }
}
