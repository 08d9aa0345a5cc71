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

/// The host half of groupattention.cu: attention to the few keys of each query's group.
public final class GroupAttentionKernels {
  private static final int THREADS = 256;
  private static final int WARPS = THREADS / 32; // a block's queries
  private static final int MOST_VECTOR = 4; // a head of 128 is one vector a lane

  private record Key(int headSize, int vector, DType type) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public GroupAttentionKernels(Device device) {
    this.device = device;
  }

  /// Writes softmax(q kᵀ scale) v over the keys of each query's group to `target [queries, heads
  /// head size]`; all are of one type.
  public void run(Heads heads, Tensor rows, int keys, double scale, Tensor target) {
    Tensor query = heads.query();
    if (query.count() == 0) {
      return;
    }
    int size = query.length(2);
    int vector =
        Math.min(MOST_VECTOR, Tiling.vector(size, query, heads.key(), heads.value(), target));
    device
        .arguments()
        .add(DeviceStorage.address(query))
        .add(DeviceStorage.address(heads.key()))
        .add(DeviceStorage.address(heads.value()))
        .add(DeviceStorage.address(rows))
        .add(DeviceStorage.address(target))
        .add(query.length(0))
        .add(query.length(1))
        .add(keys)
        .add((float) scale);
    device.launch(
        kernel(new Key(size, vector, query.dtype())),
        LaunchShape.of(Math.ceilDiv(query.length(0), WARPS), query.length(1), THREADS));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "groupattention.cu",
                "groupAttention",
                Map.of(
                    "HEAD_SIZE", key.headSize,
                    "VECTOR", key.vector,
                    "TYPE", ElementType.of(key.type))));
  }
}
