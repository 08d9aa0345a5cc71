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

  /// Writes `count` columns from `first` on of `x [a, b, c]` to those from `at` on of `target [b,
  /// a, d]`, both of one type.
  public void run(Tensor x, int first, Tensor target, int at, int count) {
    long rows = x.shape().size(0) * x.shape().size(1);
    int element = x.dtype().bytes();
    long bytes = (long) count * element;
    if (rows * bytes == 0) {
      return;
    }
    long from = DeviceStorage.address(x) + (long) first * element;
    long to = DeviceStorage.address(target) + (long) at * element;
    long fromStride = x.shape().size(2) * element;
    long toStride = target.shape().size(2) * element;
    int width = width(bytes | fromStride | toStride | from | to);
    long accesses = rows * bytes / width;
    device
        .arguments()
        .add(from)
        .add(to)
        .add(x.shape().size(0))
        .add(x.shape().size(1))
        .add(bytes / width)
        .add(fromStride / width)
        .add(toStride / width)
        .add(accesses);
    device.launch(kernel(width), LaunchShape.covering(accesses, Tiling.FLAT_THREADS));
  }

  /// Returns the widest access that numbers of bytes allow, given as all their bits.
  private static int width(long bytes) {
    return Math.toIntExact(Long.lowestOneBit(bytes | MOST_BYTES));
  }

  private Kernel kernel(int width) {
    return kernels.computeIfAbsent(
        width, _ -> device.kernel("swap.cu", "swapAxes", Map.of("WIDTH", width)));
  }
}
