package wan4j.bench.measure;

import java.util.Map;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;

/// The distance of our kernels' results from a library's.
public final class Distances {
  private Distances() {}

  /// Measures the relative L2 distance of our result from cuDNN's of the same work.
  public static Measurement toCudnn(
      String benchmark, Map<String, Object> parameters, Ops ops, Tensor ours, Tensor theirs) {
    double distance =
        Comparison.relativeError(ops.download(ours).toFloats(), ops.download(theirs).toFloats());
    return Measurement.of(benchmark, parameters, "relative L2 to cuDNN", "", distance);
  }
}
