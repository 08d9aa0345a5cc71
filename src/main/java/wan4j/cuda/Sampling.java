package wan4j.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.kernel.CompareKernels;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.ops.RowStatistics;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// What solvers and step caches ask of whole tensors.
final class Sampling {
  private final DeviceMemory memory;
  private final Transfers transfers;
  private final ElementwiseKernels elementwise;
  private final CompareKernels comparison;

  Sampling(
      Device device, DeviceMemory memory, Transfers transfers, ElementwiseKernels elementwise) {
    this.memory = memory;
    this.transfers = transfers;
    this.elementwise = elementwise;
    comparison = new CompareKernels(device);
  }

  /// Writes the sum of `coefficients[i] terms[i]` to `target`, a kernel's number of terms at a
  /// time.
  void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    int most = ElementwiseKernels.MOST_TERMS;
    if (terms.size() <= most) {
      elementwise.linearCombination(target, coefficients, terms);
      return;
    }
    try (Scope _ = memory.scope()) {
      Tensor sum = memory.empty(DType.F32, target.shape());
      elementwise.linearCombination(sum, Arrays.copyOf(coefficients, most), terms.subList(0, most));
      double[] left = Arrays.copyOfRange(coefficients, most - 1, coefficients.length);
      List<Tensor> rest = new ArrayList<>(terms.subList(most - 1, terms.size()));
      left[0] = 1;
      rest.set(0, sum);
      linearCombination(target, left, rest);
    }
  }

  /// Compares the rows of two tensors `[rows, columns]` and waits for the result.
  RowStatistics compareRows(Tensor current, Tensor previous) {
    int rows = current.length(0);
    try (Scope _ = memory.scope()) {
      Tensor sums = memory.empty(DType.F32, Shape.of(rows, 3));
      comparison.compareRows(current, previous, sums);
      return RowComparison.of(transfers.beginDownload(sums).await().toFloats());
    }
  }
}
