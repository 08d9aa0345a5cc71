package wan4j.cuda;

import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.SoftmaxKernels;
import wan4j.ops.Scope;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Attention as two batched matrix products around a softmax, for what the fused kernels do not
/// take: float32, any head size, umT5's bias, the video autoencoders' wide single head. Queries are
/// tiled, so that scores fill at most 512 MB.
final class ProductAttention {
  private static final int STEP = DeviceRules.QUERY_STEP;

  /// Queries, keys and values as `batch` matrices each: addresses, the distance of rows and of
  /// matrices in elements, and what all share.
  record Layout(
      long query,
      long key,
      long value,
      long target,
      long rowStride,
      long batchStride,
      long targetRowStride,
      long targetBatchStride,
      int batch,
      int queries,
      int keys,
      int size) {}

  /// umT5's bias `[heads, 2 queries - 1]` and the number of keys that count.
  record Bias(Tensor bias, int keys) {}

  private final MatrixProducts products;
  private final SoftmaxKernels kernels;
  private final DeviceMemory memory;
  private final Compute compute;

  ProductAttention(
      MatrixProducts products, SoftmaxKernels kernels, DeviceMemory memory, boolean tf32) {
    this.products = products;
    this.kernels = kernels;
    this.memory = memory;
    this.compute = tf32 ? Compute.TF32 : Compute.FLOAT32;
  }

  /// Says whether the library multiplies tensors of this type in this layout.
  boolean isSupported(Layout layout, DType type) {
    int tile = tile(layout, type);
    return products.isSupported(scores(layout, type, tile))
        && products.isSupported(values(layout, type, tile));
  }

  /// Writes softmax(q kᵀ scale + bias) v; `bias` is null for none.
  void run(Layout layout, DType type, double scale, Bias bias) {
    int tile = tile(layout, type);
    int stride = stride(layout);
    long element = type.bytes();
    for (int first = 0; first < layout.queries; first += tile) {
      int rows = Math.min(tile, layout.queries - first);
      try (Scope _ = memory.scope()) {
        Tensor scores = memory.empty(DType.F32, Shape.of((long) layout.batch * rows, stride));
        Tensor weights = memory.empty(type, scores.shape());
        products.run(
            products.plan(scores(layout, type, rows)),
            layout.query + first * layout.rowStride * element,
            layout.key,
            DeviceStorage.address(scores));
        if (bias == null) {
          kernels.softmax(scores, weights, (float) scale, layout.keys);
        } else {
          kernels.biasedSoftmax(scores, weights, bias.bias, bias.keys, rows, first, layout.queries);
        }
        products.run(
            products.plan(values(layout, type, rows)),
            DeviceStorage.address(weights),
            layout.value,
            layout.target + first * layout.targetRowStride * element);
      }
    }
  }

  private static int stride(Layout layout) {
    return Math.ceilDiv(layout.keys, 8) * 8; // 16-byte rows in bfloat16
  }

  private static int tile(Layout layout, DType type) {
    long row = (long) layout.batch * stride(layout) * (Float.BYTES + type.bytes());
    long tile = Math.max(STEP, DeviceRules.MOST_SCORES / row / STEP * STEP);
    return (int) Math.min(layout.queries, tile);
  }

  private MatmulDescription scores(Layout layout, DType type, int rows) {
    long stride = stride(layout);
    return MatmulDescription.linear(
            rows, layout.keys, layout.size, MatrixProducts.type(type), Element.FLOAT32)
        .with(type == DType.F32 ? compute : Compute.FLOAT32)
        .withStrides(layout.rowStride, layout.rowStride, stride, false)
        .withBatch(layout.batch, layout.batchStride, layout.batchStride, rows * stride);
  }

  private MatmulDescription values(Layout layout, DType type, int rows) {
    long stride = stride(layout);
    return MatmulDescription.linear(
            rows, layout.size, layout.keys, MatrixProducts.type(type), MatrixProducts.type(type))
        .with(type == DType.F32 ? compute : Compute.FLOAT32)
        .withStrides(stride, layout.rowStride, layout.targetRowStride, true)
        .withBatch(layout.batch, rows * stride, layout.batchStride, layout.targetBatchStride);
  }
}
