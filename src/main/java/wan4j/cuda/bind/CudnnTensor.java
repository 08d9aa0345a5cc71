package wan4j.cuda.bind;

import java.util.ArrayList;
import java.util.List;

/// One tensor of a cuDNN graph: its number, by which [CudnnPlan#run] knows it, sizes and strides in
/// elements (outermost first), and where its values are.
public record CudnnTensor(
    long number, Cudnn.Element type, List<Long> sizes, List<Long> strides, Place place) {

  /// Where the values of a tensor are.
  public enum Place {
    /// In device memory, given at each run.
    DEVICE,
    /// Nowhere: between two operations of the graph.
    BETWEEN,
    /// In host memory, read when a run is queued.
    HOST
  }

  /// Refuses sizes and strides of different lengths.
  public CudnnTensor {
    sizes = List.copyOf(sizes);
    strides = List.copyOf(strides);
    if (sizes.size() != strides.size()) {
      throw new IllegalArgumentException(
          "a tensor has as many strides as sizes, got " + strides + " and " + sizes);
    }
  }

  /// A tensor in device memory.
  public static CudnnTensor of(
      long number, Cudnn.Element type, List<Long> sizes, List<Long> strides) {
    return new CudnnTensor(number, type, sizes, strides, Place.DEVICE);
  }

  /// Strides of a dense tensor whose second size, the channels, lies innermost.
  public static List<Long> channelsLast(List<Long> sizes) {
    var strides = new ArrayList<>(sizes);
    strides.set(1, 1L);
    var stride = sizes.get(1);
    for (var axis = sizes.size() - 1; axis > 1; axis--) {
      strides.set(axis, stride);
      stride *= sizes.get(axis);
    }
    strides.set(0, stride);
    return strides;
  }
}
