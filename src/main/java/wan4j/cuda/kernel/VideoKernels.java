package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Activation;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of video.cu and channelnorm.cu: layouts and norms of the video autoencoders.
public final class VideoKernels {
  private record Key(
      String name, int channels, int vector, DType type, int time, int space, int targets) {}

  private record NormKey(
      int channels, int vector, DType input, DType weight, DType output, Activation function) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();
  private final Map<NormKey, Kernel> normKernels = new HashMap<>();

  public VideoKernels(Device device) {
    this.device = device;
  }

  public void channelsLast(Tensor x, Tensor factor, Tensor offset, Tensor target) {
    int channels = x.length(0);
    int vector = Tiling.vector(channels, target);
    long pixels = x.count() / channels;
    KernelArguments arguments = device.arguments().add(DeviceStorage.address(x));
    arguments.add(DeviceStorage.address(factor)).add(DeviceStorage.address(offset));
    arguments.add(DeviceStorage.address(target)).add(pixels);
    launch(new Key("channelsLast", channels, vector, target.dtype(), 1, 1, channels), pixels);
  }

  public void channelsFirst(Tensor features, Tensor factor, Tensor offset, Tensor target) {
    int channels = features.length(3);
    int vector = Tiling.vector(channels, features);
    long pixels = features.count() / channels;
    KernelArguments arguments = device.arguments().add(DeviceStorage.address(features));
    arguments.add(DeviceStorage.address(factor)).add(DeviceStorage.address(offset));
    arguments.add(DeviceStorage.address(target)).add(pixels);
    launch(new Key("channelsFirst", channels, vector, features.dtype(), 1, 1, channels), pixels);
  }

  public void pixels(Tensor features, Tensor target) {
    int vector = Tiling.vector(features.count(), features);
    long vectors = features.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(features))
        .add(DeviceStorage.address(target))
        .add(vectors);
    launch(new Key("pixels", vector, vector, features.dtype(), 1, 1, vector), vectors);
  }

  public void upsample(Tensor x, Tensor target) {
    int channels = x.length(3);
    int vector = Tiling.vector(channels, x, target);
    long vectors = x.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(x.length(2))
        .add(vectors);
    launch(new Key("upsample", channels, vector, x.dtype(), 1, 1, channels), vectors);
  }

  public void unfoldFrames(Tensor x, Tensor target) {
    int channels = target.length(3);
    int vector = Tiling.vector(channels, x, target);
    long vectors = x.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add((long) x.length(1) * x.length(2))
        .add(vectors);
    launch(new Key("unfoldFrames", channels, vector, x.dtype(), 1, 1, channels), vectors);
  }

  public void foldPixels(Tensor x, Tensor target) {
    int channels = x.length(3);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(target.length(2))
        .add(x.count());
    launch(new Key("foldPixels", channels, 1, x.dtype(), 1, 1, channels), x.count());
  }

  public void unfoldPixels(Tensor x, Tensor target) {
    int channels = target.length(3);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(x.length(2))
        .add(x.count());
    launch(new Key("unfoldPixels", channels, 1, x.dtype(), 1, 1, channels), x.count());
  }

  public void averageDown(Tensor x, int time, int space, Tensor target) {
    int missing = target.length(0) * time - x.length(0);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(target.length(1))
        .add(target.length(2))
        .add(missing)
        .add(target.count());
    launch(
        new Key("averageDown", x.length(3), 1, x.dtype(), time, space, target.length(3)),
        target.count());
  }

  public void duplicateUp(Tensor x, int time, int space, int skip, Tensor target) {
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(target))
        .add(target.length(1))
        .add(target.length(2))
        .add(skip)
        .add(target.count());
    launch(
        new Key("duplicateUp", x.length(3), 1, x.dtype(), time, space, target.length(3)),
        target.count());
  }

  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    if (x.count() == 0) {
      return;
    }
    int channels = x.length(3);
    long pixels = x.count() / channels;
    NormKey key =
        new NormKey(
            channels,
            Tiling.vector(channels, x, gamma, target),
            x.dtype(),
            gamma.dtype(),
            target.dtype(),
            silu ? Activation.SILU : Activation.NONE);
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(gamma))
        .add(DeviceStorage.address(target))
        .add(pixels);
    int lanes = Tiling.pixelLanes(channels / key.vector);
    device.launch(
        normKernel(key, lanes), LaunchShape.covering(pixels * lanes, Tiling.FLAT_THREADS));
  }

  private void launch(Key key, long threads) {
    if (threads > 0) {
      device.launch(kernel(key), LaunchShape.covering(threads, Tiling.FLAT_THREADS));
    }
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "video.cu",
                key.name,
                Map.of(
                    "CHANNELS", key.channels,
                    "VECTOR", key.vector,
                    "TYPE", ElementType.of(key.type),
                    "TIME", key.time,
                    "SPACE", key.space,
                    "TARGETS", key.targets)));
  }

  private Kernel normKernel(NormKey key, int lanes) {
    return normKernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "channelnorm.cu",
                "channelNorm",
                Map.of(
                    "CHANNELS", key.channels,
                    "VECTOR", key.vector,
                    "LANES", lanes,
                    "INPUT", ElementType.of(key.input),
                    "WEIGHT", ElementType.of(key.weight),
                    "OUTPUT", ElementType.of(key.output),
                    "FUNCTION", ElementType.of(key.function))));
  }
}
