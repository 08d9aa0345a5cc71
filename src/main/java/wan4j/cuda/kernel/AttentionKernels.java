package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Swizzle;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Heads;
import wan4j.ops.Scope;
import wan4j.ops.plan.AttentionPlan;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The host half of attention.cu and attentionjoin.cu: attention of heads of 64 or 128 in bfloat16.
public final class AttentionKernels {
  private static final String FILE = "attention.cu";
  private static final String JOIN_FILE = "attentionjoin.cu";
  private static final int GROUP_QUERIES = 64; // of a warpgroup
  private static final int COLUMNS = 64; // of a box
  private static final int THREADS = 128 * (AttentionPlan.GROUPS + 1);
  private static final int JOIN_THREADS = 512; // 16 rows, a warp each

  private final Device device;
  private final DeviceMemory memory;
  private final TensorMaps<TensorMap> maps = TensorMaps.ofDriver();
  private final Map<Map<String, Object>, Kernel> kernels = new HashMap<>();
  private final Map<Map<String, Object>, Kernel> joins = new HashMap<>();

  public AttentionKernels(Device device, DeviceMemory memory) {
    this.device = device;
    this.memory = memory;
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

  /// Returns how heads are attended on this GPU.
  public AttentionPlan plan(Heads heads) {
    Tensor query = heads.query();
    return AttentionPlan.of(
        query.length(0),
        heads.key().length(0),
        query.length(1),
        query.length(2),
        device.multiprocessors());
  }

  /// Writes softmax(q kᵀ scale) v to an output of rows `[queries, heads · head size]`.
  public void run(Heads heads, double scale, RowOutput output) {
    run(heads, scale, output.format(), output::addTo);
  }

  /// Writes softmax(q kᵀ scale) v to `target [queries, heads, head size]`.
  public void run(Heads heads, double scale, Tensor target) {
    run(
        heads,
        scale,
        RowFormat.PLAIN,
        arguments ->
            arguments
                .add(DeviceStorage.address(target))
                .add(0L) // plain rows have no scales and note no magnitudes
                .add(0L)
                .add(0L)
                .add(0));
  }

  private void run(Heads heads, double scale, RowFormat format, Consumer<KernelArguments> output) {
    AttentionPlan plan = plan(heads);
    try (Scope _ = memory.scope()) {
      long parts = parts(heads);
      attend(plan, heads, scale, format, parts, output);
      if (plan.isCut()) {
        join(plan, heads, format, parts, output);
      }
    }
  }

  private long parts(Heads heads) {
    int floats = AttentionPlan.partFloats(heads.key().length(0), heads.query().length(2));
    return floats == 0 ? 0 : DeviceStorage.address(memory.empty(DType.F32, Shape.of(floats)));
  }

  private void attend(
      AttentionPlan plan,
      Heads heads,
      double scale,
      RowFormat format,
      long parts,
      Consumer<KernelArguments> output) {
    KernelArguments arguments =
        device
            .arguments()
            .add(map(heads.query(), GROUP_QUERIES))
            .add(map(heads.key(), plan.tile()))
            .add(map(heads.value(), plan.tile()))
            .add(heads.query().length(0))
            .add(heads.key().length(0))
            .add(heads.query().length(1))
            .add((float) (scale / Math.log(2))); // exponents are of two
    output.accept(addCut(arguments, plan, parts));
    Map<String, Object> constants = constants(plan, format);
    Kernel kernel =
        kernels.computeIfAbsent(constants, _ -> device.kernel(FILE, "attention", constants));
    device.launch(kernel, LaunchShape.of(plan.blocks(), THREADS).withShared(plan.sharedBytes()));
  }

  private void join(
      AttentionPlan plan,
      Heads heads,
      RowFormat format,
      long parts,
      Consumer<KernelArguments> output) {
    KernelArguments arguments =
        device
            .arguments()
            .add(heads.query().length(0))
            .add(plan.tiles())
            .add(heads.query().length(1))
            .add(plan.blocks());
    output.accept(addCut(arguments, plan, parts));
    Map<String, Object> constants = joinConstants(plan.headSize(), format);
    Kernel kernel =
        joins.computeIfAbsent(constants, _ -> device.kernel(JOIN_FILE, "join", constants));
    device.launch(kernel, LaunchShape.of(plan.warps(), plan.rest(), JOIN_THREADS));
  }

  private static KernelArguments addCut(KernelArguments arguments, AttentionPlan plan, long parts) {
    return arguments.add(plan.rounds()).add(plan.rest()).add(plan.shares()).add(parts);
  }

  private static Map<String, Object> constants(AttentionPlan plan, RowFormat format) {
    Map<String, Object> constants = new HashMap<>(joinConstants(plan.headSize(), format));
    constants.put("KEYS", plan.tile());
    constants.put("STAGES", plan.stages());
    constants.put("QUERY_STAGES", plan.queryStages());
    return constants;
  }

  private static Map<String, Object> joinConstants(int headSize, RowFormat format) {
    return Map.of("HEAD_SIZE", headSize, "GROUPS", AttentionPlan.GROUPS, "FORMAT", format.number());
  }

  private TensorMap map(Tensor x, int rows) {
    long tokens = x.shape().size(0);
    long size = x.shape().size(2);
    long row = 2L * x.shape().size(1) * size;
    return maps.of(
        new TensorMaps.Cut(
            DeviceStorage.address(x),
            List.of(size, x.shape().size(1), tokens, 1L),
            List.of(2L * size, row, row * tokens),
            List.of(COLUMNS, 1, rows, 1),
            Swizzle.BYTES_128));
  }
}
