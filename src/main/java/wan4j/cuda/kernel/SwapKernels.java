package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.tensor.Tensor;

/// The host half of swap.cu: the first two axes of a tensor in the other order.
public final class SwapKernels {
  private static final int MOST_BYTES = 16; // of one access

  private final Device device;
  private final Map<Integer, Kernel> kernels = new HashMap<>();

  public SwapKernels(Device device) {
    this.device = device;
  }

  /// Writes `x [a, b, c]` to `target [b, a, c]`, both of one type.
  public void run(Tensor x, Tensor target) {
    long bytes = x.shape().size(2) * x.dtype().bytes();
    int width = width(bytes, DeviceStorage.address(x), DeviceStorage.address(target));
    long accesses = x.bytes() / width;
    if (accesses > 0) {
      device
          .arguments()
          .add(DeviceStorage.address(x))
          .add(DeviceStorage.address(target))
          .add(x.shape().size(0))
          .add(x.shape().size(1))
          .add(bytes / width)
          .add(accesses);
      device.launch(kernel(width), LaunchShape.covering(accesses, Tiling.FLAT_THREADS));
    }
  }

  /// Returns the widest access that rows of so many bytes from these addresses on allow.
  private static int width(long bytes, long from, long to) {
    long lowest = Long.lowestOneBit(bytes | from | to | MOST_BYTES);
    return Math.toIntExact(lowest);
  }

  private Kernel kernel(int width) {
    return kernels.computeIfAbsent(
        width, _ -> device.kernel("swap.cu", "swapAxes", Map.of("WIDTH", width)));
  }
}
