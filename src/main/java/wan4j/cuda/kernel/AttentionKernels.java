package wan4j.cuda.kernel;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Swizzle;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Heads;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of attention.cu: attention of heads of 128 in bfloat16.
public final class AttentionKernels {
  private static final String FILE = "attention.cu";
  private static final int HEAD_SIZE = DeviceRules.ATTENTION_HEAD;
  private static final int QUERIES = DeviceRules.ATTENTION_QUERIES; // of a block
  private static final int KEYS = 176; // of a tile
  private static final int COLUMNS = 64; // of a box
  private static final int STAGES = 2;
  private static final int THREADS = 384;
  private static final int PAGE = 1024; // bytes, what tiles are aligned to
  private static final int SHARED = PAGE + 2 * HEAD_SIZE * (QUERIES + 2 * STAGES * KEYS);

  private final Device device;
  private final TensorMaps<TensorMap> maps = TensorMaps.ofDriver();
  private final Map<RowFormat, Kernel> kernels = new EnumMap<>(RowFormat.class);

  public AttentionKernels(Device device) {
    this.device = device;
  }

  /// Returns the constants of the kernel that writes a format.
  static Map<String, Object> constants(RowFormat format) {
    return Map.of(
        "HEAD_SIZE", HEAD_SIZE,
        "QUERIES", QUERIES,
        "KEYS", KEYS,
        "STAGES", STAGES,
        "THREADS", THREADS,
        "FORMAT", format.number());
  }

  /// Returns whether heads, once they are of a type, are attended here.
  public static boolean takes(DType type, Heads heads, double scale) {
    return fits(type, heads, scale)
        && DeviceRules.isOurAttention(type, heads.query().length(2), heads.key().length(0));
  }

  /// Returns whether heads of a type can be attended here, faster or not.
  public static boolean fits(DType type, Heads heads, double scale) {
    Tensor query = heads.query();
    return DeviceRules.fitsOurAttention(type, query.length(2))
        && query.length(0) > 0
        && heads.key().length(0) > 0
        && scale > 0;
  }

  private static int blocks(Heads heads) {
    return Math.ceilDiv(heads.query().length(0), QUERIES);
  }

  /// Writes softmax(q kᵀ scale) v to an output of rows `[queries, heads 128]`.
  public void run(Heads heads, double scale, RowOutput output) {
    output.addTo(arguments(heads, scale));
    launch(heads, output.format());
  }

  /// Writes softmax(q kᵀ scale) v to `target [queries, heads 128]`.
  public void run(Heads heads, double scale, Tensor target) {
    arguments(heads, scale)
        .add(DeviceStorage.address(target))
        .add(0L) // plain rows have no scales and note no magnitudes
        .add(0L)
        .add(0L)
        .add(0);
    launch(heads, RowFormat.PLAIN);
  }

  private KernelArguments arguments(Heads heads, double scale) {
    return device
        .arguments()
        .add(map(heads.query(), QUERIES))
        .add(map(heads.key(), KEYS))
        .add(map(heads.value(), KEYS))
        .add(heads.query().length(0))
        .add(heads.key().length(0))
        .add(heads.query().length(1))
        .add((float) (scale / Math.log(2))); // exponents are of two
  }

  /// Launches the kernel of a format with the arguments that were given last.
  private void launch(Heads heads, RowFormat format) {
    Kernel kernel =
        kernels.computeIfAbsent(format, _ -> device.kernel(FILE, "attention", constants(format)));
    device.launch(
        kernel, LaunchShape.of(blocks(heads), heads.query().length(1), THREADS).withShared(SHARED));
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
