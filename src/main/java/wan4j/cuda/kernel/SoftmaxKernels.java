package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of softmax.cu: probabilities from scores.
public final class SoftmaxKernels {
  private record Key(int columns, int vector, DType output, boolean biased) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public SoftmaxKernels(Device device) {
    this.device = device;
  }

  /// Softmax of `scores [rows, columns]` over the first `keys` columns.
  public void softmax(Tensor scores, Tensor target, float factor, int keys) {
    launch(scores, target, 0, factor, keys, scores.length(0), 0, scores.length(0));
  }

  /// Softmax with umT5's bias for rows `[heads, tile]`, queries `first` to `first + tile` of all.
  public void biasedSoftmax(
      Tensor scores, Tensor target, Tensor bias, int keys, int tile, int first, int queries) {
    launch(scores, target, DeviceStorage.address(bias), 1f, keys, tile, first, queries);
  }

  private void launch(
      Tensor scores,
      Tensor target,
      long bias,
      float factor,
      int keys,
      int tile,
      int first,
      int queries) {
    int columns = scores.length(1);
    int vector = Math.min(4, Tiling.vector(columns, scores, target));
    device
        .arguments()
        .add(DeviceStorage.address(scores))
        .add(DeviceStorage.address(target))
        .add(bias)
        .add(factor)
        .add(keys)
        .add(tile)
        .add(first)
        .add(queries);
    Key key = new Key(columns, vector, target.dtype(), bias != 0);
    device.launch(
        kernel(key), LaunchShape.of(scores.length(0), Tiling.rowThreads(columns / vector)));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "softmax.cu",
                "softmax",
                Map.of(
                    "COLUMNS", key.columns,
                    "VECTOR", key.vector,
                    "THREADS", Tiling.rowThreads(key.columns / key.vector),
                    "OUTPUT", ElementType.of(key.output),
                    "BIASED", key.biased)));
  }
}
