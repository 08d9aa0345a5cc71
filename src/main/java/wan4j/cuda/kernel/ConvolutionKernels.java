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

/// The host half of packweight.cu and convolution.cu: weights and windows of convolutions.
public final class ConvolutionKernels {
  private record Key(
      String name,
      int channels,
      int inputs,
      int columns,
      int time,
      int height,
      int width,
      int timeStride,
      int spaceStride,
      int vector,
      DType type) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();

  public ConvolutionKernels(Device device) {
    this.device = device;
  }

  /// Packs a weight `[outputs, channels, time, height, width]` into rows for features of `inputs`
  /// channels, as many or more; rows of the target beyond the weight's are left alone.
  public void packWeight(Tensor source, CudaConvolution layer, int inputs, Tensor target) {
    int columns = target.length(1);
    long count = (long) layer.outputs() * columns;
    device
        .arguments()
        .add(DeviceStorage.address(source))
        .add(DeviceStorage.address(target))
        .add(layer.inputs())
        .add(inputs)
        .add(layer.time() * layer.height() * layer.width())
        .add(columns)
        .add(count);
    Map<String, Object> constants =
        Map.of("SOURCE", ElementType.of(source.dtype()), "TYPE", ElementType.of(target.dtype()));
    Kernel kernel = device.kernel("packweight.cu", "packWeight", constants);
    device.launch(kernel, LaunchShape.covering(count, Tiling.FLAT_THREADS));
  }

  /// Packs a weight `[outputs, inputs / groups, time, height, width]` of a convolution in groups.
  public void packGroups(Tensor source, CudaConvolution layer, Tensor target) {
    device
        .arguments()
        .add(DeviceStorage.address(source))
        .add(DeviceStorage.address(target))
        .add(layer.inputs() / layer.groups())
        .add(layer.time() * layer.height() * layer.width())
        .add(layer.outputs() / layer.groups())
        .add(target.count());
    Map<String, Object> constants =
        Map.of("SOURCE", ElementType.of(source.dtype()), "TYPE", ElementType.of(target.dtype()));
    Kernel kernel = device.kernel("packweight.cu", "packGroups", constants);
    device.launch(kernel, LaunchShape.covering(target.count(), Tiling.FLAT_THREADS));
  }

  /// Writes the windows of the output positions from `first` on as rows of `target`.
  public void gatherWindows(
      Tensor x, CudaConvolution layer, Window window, long first, Tensor target) {
    int vector = Tiling.vector(layer.inputs(), x, target);
    long vectors = target.count() / vector;
    int height = x.length(1);
    int width = x.length(2);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(height)
        .add(width)
        .add(window.rows(height, layer.height()))
        .add(window.columns(width, layer.width()))
        .add(window.top())
        .add(window.left())
        .add(first)
        .add(vectors);
    Key key =
        new Key(
            "gatherWindows",
            layer.inputs(),
            layer.inputs(),
            target.length(1),
            layer.time(),
            layer.height(),
            layer.width(),
            window.timeStride(),
            window.spaceStride(),
            vector,
            x.dtype());
    device.launch(kernel(key), LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Writes features with zeros behind their channels.
  public void widen(Tensor x, Tensor target) {
    long positions = x.count() / x.length(3);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(positions);
    Key key =
        new Key(
            "widen", x.length(3), target.length(3), target.length(3), 1, 1, 1, 1, 1, 1, x.dtype());
    device.launch(kernel(key), LaunchShape.covering(positions, Tiling.FLAT_THREADS));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ -> {
          Map<String, Object> constants = new HashMap<>();
          constants.put("CHANNELS", key.channels);
          constants.put("INPUTS", key.inputs);
          constants.put("COLUMNS", key.columns);
          constants.put("TIME", key.time);
          constants.put("HEIGHT", key.height);
          constants.put("WIDTH", key.width);
          constants.put("TIME_STRIDE", key.timeStride);
          constants.put("SPACE_STRIDE", key.spaceStride);
          constants.put("VECTOR", key.vector);
          constants.put("TYPE", ElementType.of(key.type));
          return device.kernel("convolution.cu", key.name, constants);
        });
  }
}
