package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Attention through cuDNN: softmax(scale · query keyᵀ) value over `[tokens, heads, dim]` bf16
/// tensors, one sequence, no mask. Either cuDNN's one attention operation or the graph of small
/// operations that it knows as attention, as cudnn-frontend builds both (NVIDIA/cudnn-frontend
/// 3929da2, node/scaled_dot_product_flash_attention.h, node/softmax.h).
public final class CudnnAttention implements AutoCloseable {
  private static final int POINTWISE_ADD = 0;
  private static final int POINTWISE_MUL = 1;
  private static final int POINTWISE_DIV = 6;
  private static final int POINTWISE_SUB = 9;
  private static final int POINTWISE_EXP = 13;
  private static final int POINTWISE_LOG = 15;
  private static final int REDUCE_ADD = 0;
  private static final int REDUCE_MAX = 3;

  private static final long QUERY = 1;
  private static final long KEY = 2;
  private static final long VALUE = 3;
  private static final long OUTPUT = 4;
  private static final long SCALE = 5;
  private static final long FIRST_BETWEEN = 100;
  private static final List<Long> NUMBERS = List.of(QUERY, KEY, VALUE, OUTPUT, SCALE);

  private final CudnnGraph graph;
  private final CudnnPlan plan;
  private final MemorySegment scale = Arena.ofAuto().allocate(JAVA_FLOAT);

  /// The two ways in which cuDNN is told what attention is.
  public enum Form {
    ONE_OPERATION,
    SMALL_OPERATIONS
  }

  /// Sizes of one attention; `queryStride`, `keyStride`, `valueStride` and `outputStride` are the
  /// distance of tokens in elements, `heads * dim` for dense tensors.
  public record Sizes(
      long queries,
      long keys,
      long heads,
      long dim,
      long queryStride,
      long keyStride,
      long valueStride,
      long outputStride) {

    /// Dense tensors of these sizes.
    public static Sizes dense(long queries, long keys, long heads, long dim) {
      var stride = heads * dim;
      return new Sizes(queries, keys, heads, dim, stride, stride, stride, stride);
    }
  }

  private CudnnAttention(CudnnGraph graph, CudnnPlan plan, float scale) {
    this.graph = graph;
    this.plan = plan;
    this.scale.set(JAVA_FLOAT, 0, scale);
  }

  /// Plans attention in a form; throws where cuDNN has no engine for it that needs at most
  /// `workspace` bytes.
  public static CudnnAttention of(
      long handle, Sizes sizes, float scale, long workspace, Form form) {
    var graph = new CudnnGraph(handle, workspace);
    try {
      switch (form) {
        case ONE_OPERATION -> oneOperation(graph, sizes);
        case SMALL_OPERATIONS -> smallOperations(graph, sizes);
      }
      return new CudnnAttention(graph, graph.plan(CudnnGraph.Precision.ANY), scale);
    } catch (CudaException e) {
      graph.close();
      throw e;
    }
  }

  /// Plans attention in the older form, else in the newer.
  public static CudnnAttention of(long handle, Sizes sizes, float scale, long workspace) {
    if (Cudnn.version() < Cudnn.LEAST) {
      throw new CudaException(
          "cuDNN", "cudnnBackendFinalize", CudaException.MISSING, NativeLibraries.CUDNN.tooOld());
    }
    try {
      return of(handle, sizes, scale, workspace, Form.SMALL_OPERATIONS);
    } catch (CudaException e) {
      if (!e.isNotSupported() || Cudnn.version() < Cudnn.ONE_ATTENTION) {
        throw e;
      }
      return of(handle, sizes, scale, workspace, Form.ONE_OPERATION);
    }
  }

  /// Bytes of workspace that a run needs.
  public long workspace() {
    return plan.workspace();
  }

  /// Runs in the order of the handle's stream.
  public void run(long query, long key, long value, long output, long workspace) {
    plan.run(NUMBERS, List.of(query, key, value, output, scale.address()), workspace);
  }

  @Override
  public void close() {
    graph.close();
  }

  private static void oneOperation(CudnnGraph graph, Sizes sizes) {
    graph.attention(
        rows(QUERY, sizes.queries(), sizes, sizes.queryStride()),
        rows(KEY, sizes.keys(), sizes, sizes.keyStride()),
        rows(VALUE, sizes.keys(), sizes, sizes.valueStride()),
        factor(),
        rows(OUTPUT, sizes.queries(), sizes, sizes.outputStride()));
  }

  private static void smallOperations(CudnnGraph graph, Sizes sizes) {
    var turned =
        CudnnTensor.of(
            KEY,
            Cudnn.Element.BFLOAT16,
            List.of(1L, sizes.heads(), sizes.dim(), sizes.keys()),
            List.of(sizes.keys() * sizes.keyStride(), sizes.dim(), 1L, sizes.keyStride()));
    var number = FIRST_BETWEEN;
    var products = scores(number++, sizes, sizes.keys(), Cudnn.Element.FLOAT32);
    graph.matmul(rows(QUERY, sizes.queries(), sizes, sizes.queryStride()), turned, products);
    var scaled = scores(number++, sizes, sizes.keys(), Cudnn.Element.FLOAT32);
    graph.pointwise(POINTWISE_MUL, products, factor(), scaled);
    var largest = scores(number++, sizes, 1, Cudnn.Element.FLOAT32);
    graph.reduction(REDUCE_MAX, scaled, largest);
    var shifted = scores(number++, sizes, sizes.keys(), Cudnn.Element.FLOAT32);
    graph.pointwise(POINTWISE_SUB, scaled, largest, shifted);
    var raised = scores(number++, sizes, sizes.keys(), Cudnn.Element.FLOAT32);
    graph.pointwise(POINTWISE_EXP, shifted, raised);
    var sum = scores(number++, sizes, 1, Cudnn.Element.FLOAT32);
    graph.reduction(REDUCE_ADD, raised, sum);
    // The logarithm of the sum is not read, but cuDNN's pattern needs it.
    var logarithm = scores(number++, sizes, 1, Cudnn.Element.FLOAT32);
    graph.pointwise(POINTWISE_LOG, sum, logarithm);
    var statistics = scores(number++, sizes, 1, Cudnn.Element.FLOAT32);
    graph.pointwise(POINTWISE_ADD, largest, logarithm, statistics);
    var shares = scores(number, sizes, sizes.keys(), Cudnn.Element.BFLOAT16);
    graph.pointwise(POINTWISE_DIV, raised, sum, shares);
    graph.matmul(
        shares,
        rows(VALUE, sizes.keys(), sizes, sizes.valueStride()),
        rows(OUTPUT, sizes.queries(), sizes, sizes.outputStride()));
  }

  /// A `[tokens, heads, dim]` tensor seen as `[1, heads, tokens, dim]`.
  private static CudnnTensor rows(long number, long tokens, Sizes sizes, long stride) {
    return CudnnTensor.of(
        number,
        Cudnn.Element.BFLOAT16,
        List.of(1L, sizes.heads(), tokens, sizes.dim()),
        List.of(tokens * stride, sizes.dim(), stride, 1L));
  }

  private static CudnnTensor scores(long number, Sizes sizes, long width, Cudnn.Element type) {
    var rows = sizes.queries();
    return new CudnnTensor(
        number,
        type,
        List.of(1L, sizes.heads(), rows, width),
        List.of(sizes.heads() * rows * width, rows * width, width, 1L),
        CudnnTensor.Place.BETWEEN);
  }

  private static CudnnTensor factor() {
    var ones = List.of(1L, 1L, 1L, 1L);
    return new CudnnTensor(SCALE, Cudnn.Element.FLOAT32, ones, ones, CudnnTensor.Place.HOST);
  }
}
