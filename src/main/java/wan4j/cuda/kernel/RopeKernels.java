package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Heads;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of rope.cu: queries, keys and values from their common product.
public final class RopeKernels {
  private record Key(int columns, int headSize, int vector, DType input, DType weight) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public RopeKernels(Device device) {
    this.device = device;
  }

  /// Normalises, rotates and lays out heads in one pass; both weights are of one type.
  public void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    int tokens = qkv.length(0);
    int columns = qkv.length(1) / 3;
    int headSize = target.query().length(2);
    int vector = Tiling.vector(headSize, qkv, queryWeight, keyWeight, rope);
    Key key = new Key(columns, headSize, vector, qkv.dtype(), queryWeight.dtype());
    if (tokens == 0) {
      return;
    }
    device
        .arguments()
        .add(DeviceStorage.address(qkv))
        .add(DeviceStorage.address(queryWeight))
        .add(DeviceStorage.address(keyWeight))
        .add(DeviceStorage.address(rope))
        .add(DeviceStorage.address(target.query()))
        .add(DeviceStorage.address(target.key()))
        .add(DeviceStorage.address(target.value()))
        .add((float) epsilon);
    device.launch(kernel(key), LaunchShape.of(tokens, 3, Tiling.rowThreads(columns / vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "rope.cu",
                "queryKeyValue",
                Map.of(
                    "COLUMNS",
                    key.columns,
                    "HEAD_SIZE",
                    key.headSize,
                    "VECTOR",
                    key.vector,
                    "THREADS",
                    Tiling.rowThreads(key.columns / key.vector),
                    "INPUT",
                    ElementType.of(key.input),
                    "WEIGHT",
                    ElementType.of(key.weight))));
  }
}
