package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of groupconvolution.cu: convolutions whose channels are in groups.
public final class GroupConvolution {
  private static final int THREADS = 128;
  private static final int POSITIONS = 8; // of a thread

  private record Key(
      int inputs,
      int outputs,
      int groups,
      int time,
      int height,
      int width,
      int timeStride,
      int spaceStride,
      int vector,
      DType type,
      boolean added) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public GroupConvolution(Device device) {
    this.device = device;
  }

  /// Writes the convolution of `x` plus bias plus `addend` (null for none, may be the target); all
  /// are of the weight's type.
  public void run(Tensor x, CudaConvolution layer, Window window, Tensor addend, Tensor target) {
    int height = x.length(1);
    int width = x.length(2);
    long positions = target.count() / layer.outputs();
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(layer.weight()))
        .add(DeviceStorage.address(layer.bias()))
        .add(addend == null ? 0 : DeviceStorage.address(addend))
        .add(DeviceStorage.address(target))
        .add(height)
        .add(width)
        .add(window.rows(height, layer.height()))
        .add(window.columns(width, layer.width()))
        .add(window.top())
        .add(window.left())
        .add(positions);
    Key key =
        new Key(
            layer.inputs(),
            layer.outputs(),
            layer.groups(),
            layer.time(),
            layer.height(),
            layer.width(),
            window.timeStride(),
            window.spaceStride(),
            Tiling.vector(layer.inputs() / layer.groups(), x),
            x.dtype(),
            addend != null);
    int blocks = Math.toIntExact(Math.ceilDiv(positions, (long) POSITIONS));
    device.launch(
        kernel(key), LaunchShape.of(blocks, Math.ceilDiv(layer.outputs(), THREADS), THREADS));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ -> {
          Map<String, Object> constants = new HashMap<>();
          constants.put("CHANNELS", key.inputs);
          constants.put("OUTPUTS", key.outputs);
          constants.put("GROUP_INPUTS", key.inputs / key.groups);
          constants.put("GROUP_OUTPUTS", key.outputs / key.groups);
          constants.put("TIME", key.time);
          constants.put("HEIGHT", key.height);
          constants.put("WIDTH", key.width);
          constants.put("TIME_STRIDE", key.timeStride);
          constants.put("SPACE_STRIDE", key.spaceStride);
          constants.put("VECTOR", key.vector);
          constants.put("TYPE", ElementType.of(key.type));
          constants.put("ADDED", key.added);
          return device.kernel("groupconvolution.cu", "groupConvolution", constants);
        });
  }
}
