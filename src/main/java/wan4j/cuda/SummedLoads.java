package wan4j.cuda;

import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.SummedSource.Addend;
import wan4j.tensor.Tensor;

/// Weights with LoRA files merged: the weight and the thin matrices are loaded, and the device adds
/// their product in float32, never in TF32, before anything is rounded. At rank 64 the products of
/// both 14B experts are 3.6 TFLOP, which take a processor half a minute each and a GPU a fraction
/// of the time in which the weights are read.
final class SummedLoads {
  private final Transfers transfers;
  private final MatrixProducts products;
  private final ElementwiseKernels elementwise;
  private final DeviceMemory memory;

  SummedLoads(
      Transfers transfers,
      MatrixProducts products,
      ElementwiseKernels elementwise,
      DeviceMemory memory) {
    this.transfers = transfers;
    this.products = products;
    this.elementwise = elementwise;
    this.memory = memory;
  }

  /// Writes a sum to a tensor of any float type; what it needs meanwhile is counted by
  /// `DeviceTemporaries.sum`.
  void load(SummedSource source, Tensor target) {
    long count = source.shape().count();
    if (count == 0) {
      return;
    }
    int columns = source.rowLength();
    try (Scope _ = memory.scope()) {
      Tensor sum = memory.empty(DType.F32, Shape.of(count / columns, columns));
      transfers.load(source.base(), sum);
      for (Addend addend : source.addends()) {
        try (Scope _ = memory.scope()) {
          switch (addend) {
            case Addend.Product product -> add(product, sum);
            case Addend.Values values -> {
              Tensor change = memory.empty(DType.F32, sum.shape());
              transfers.load(values.values(), change);
              elementwise.addScaled(change, columns, values.factor(), sum, 0, 0);
            }
          }
        }
      }
      transfers.copy(sum, target);
    }
  }

  private void add(Addend.Product product, Tensor sum) {
    int rows = sum.length(0);
    int columns = sum.length(1);
    int rank = product.rank();
    Tensor outer = memory.empty(DType.F32, Shape.of(rows, rank));
    Tensor scaled = memory.empty(DType.F32, outer.shape());
    Tensor inner = memory.empty(DType.F32, Shape.of(rank, columns));
    transfers.load(product.up(), outer);
    transfers.load(product.down(), inner);
    transfers.clear(scaled);
    elementwise.addScaled(outer, rank, product.factor(), scaled, 0, 0);
    MatmulDescription description =
        MatmulDescription.linear(rows, columns, rank, Element.FLOAT32, Element.FLOAT32)
            .withStrides(rank, columns, columns, true);
    products.run(
        products.plan(description),
        DeviceStorage.address(scaled),
        DeviceStorage.address(inner),
        1,
        DeviceStorage.address(sum));
  }
}
