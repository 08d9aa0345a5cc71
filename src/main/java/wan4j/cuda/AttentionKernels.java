package wan4j.cuda;

import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Swizzle;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Heads;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of attention.cu: attention of heads of 128 in bfloat16.
final class AttentionKernels {
  private static final String FILE = "attention.cu";
  private static final int HEAD_SIZE = 128;
  private static final int QUERIES = 128; // of a block
  private static final int KEYS = 176; // of a tile
  private static final int COLUMNS = 64; // of a box
  private static final int FEWEST_KEYS = 1024;
  private static final int STAGES = 2;
  private static final int THREADS = 384;
  private static final int PAGE = 1024; // bytes, what tiles are aligned to
  private static final int SHARED = PAGE + 2 * HEAD_SIZE * (QUERIES + 2 * STAGES * KEYS);

  /// The constants of the kernel.
  static final Map<String, Object> CONSTANTS =
      Map.of(
          "HEAD_SIZE", HEAD_SIZE,
          "QUERIES", QUERIES,
          "KEYS", KEYS,
          "STAGES", STAGES,
          "THREADS", THREADS);

  private final Device device;
  private final TensorMaps<TensorMap> maps = TensorMaps.ofDriver();
  private Kernel kernel;

  AttentionKernels(Device device) {
    this.device = device;
  }

  /// Returns whether heads are attended here: over many keys, where an H100 takes 22.1 ms for
  /// cuDNN's 25.1 at 75,600 tokens and 0.293 for 0.316 at 7,800 (benchmarks/h100-a14b.json). The
  /// text's 512 keys stay with cuDNN.
  static boolean takes(Heads heads, double scale) {
    return fits(heads, scale) && heads.key().length(0) >= FEWEST_KEYS;
  }

  /// Returns whether heads can be attended here, faster or not.
  static boolean fits(Heads heads, double scale) {
    Tensor query = heads.query();
    return takes(query.dtype(), query.length(2)) && heads.key().length(0) > 0 && scale > 0;
  }

  /// Returns whether heads of a size and type can be attended here.
  static boolean takes(DType type, int size) {
    return type == DType.BF16 && size == HEAD_SIZE;
  }

  /// Writes softmax(q kᵀ scale) v to `target [queries, heads 128]`.
  void run(Heads heads, double scale, Tensor target) {
    if (kernel == null) {
      kernel = device.kernel(FILE, "attention", CONSTANTS);
    }
    int queries = heads.query().length(0);
    int count = heads.query().length(1);
    device
        .arguments()
        .add(map(heads.query(), QUERIES))
        .add(map(heads.key(), KEYS))
        .add(map(heads.value(), KEYS))
        .add(DeviceStorage.address(target))
        .add(queries)
        .add(heads.key().length(0))
        .add(count)
        .add((float) (scale / Math.log(2))); // exponents are of two
    device.launch(
        kernel, LaunchShape.of(Math.ceilDiv(queries, QUERIES), count, THREADS).withShared(SHARED));
  }

  private TensorMap map(Tensor x, int rows) {
    long tokens = x.shape().size(0);
    long row = 2L * x.length(1) * HEAD_SIZE;
    return maps.of(
        new TensorMaps.Cut(
            DeviceStorage.address(x),
            List.of((long) HEAD_SIZE, x.shape().size(1), tokens, 1L),
            List.of(2L * HEAD_SIZE, row, row * tokens),
            List.of(COLUMNS, 1, rows, 1),
            Swizzle.BYTES_128));
  }
}
