package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Element;
import wan4j.cuda.bind.TensorMap.Swizzle;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.Scope;
import wan4j.ops.plan.AttentionPlan;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The host half of attention.cu, attention8.cu, attention8values.cu and attentionjoin.cu:
/// attention of heads of 64 or 128 in bfloat16, and of heads of 128 that are codes of 8 bits.
public final class AttentionKernels {
  private static final String FILE = "attention.cu";
  private static final String CODES_FILE = "attention8.cu";
  private static final String VALUES_FILE = "attention8values.cu";
  private static final String JOIN_FILE = "attentionjoin.cu";
  private static final int GROUP_QUERIES = 64; // of a warpgroup
  private static final int ROW_BYTES = 128; // of a box
  private static final int STEP_KEYS = 32; // of a box of transposed values
  private static final int JOIN_THREADS = 512; // 16 rows, a warp each

  private final Device device;
  private final DeviceMemory memory;
  private final HeadCodeKernels codes;
  private final TensorMaps<TensorMap> maps = TensorMaps.ofDriver();
  private final Map<Map<String, Object>, Kernel> kernels = new HashMap<>();
  private final Map<Map<String, Object>, Kernel> joins = new HashMap<>();

  public AttentionKernels(Device device, DeviceMemory memory, HeadCodeKernels codes) {
    this.device = device;
    this.memory = memory;
    this.codes = codes;
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

  /// Returns how heads are attended on this GPU, over all keys or, where `isListed`, over blocks.
  public AttentionPlan plan(AttentionInput heads, boolean isListed) {
    return AttentionPlan.of(
        heads.format(),
        isListed,
        heads.queries(),
        heads.keys(),
        heads.heads(),
        heads.headSize(),
        device.multiprocessors());
  }

  /// Writes softmax(q kᵀ scale) v over all keys, or over `blocks` of them (null for all), to an
  /// output of rows `[queries, heads · head size]`.
  public void run(AttentionInput heads, KeyBlocks blocks, double scale, RowOutput output) {
    run(new Call(heads, blocks, scale, output.format(), output::addTo));
  }

  /// Writes softmax(q kᵀ scale) v over all keys, or over `blocks` of them (null for all), to
  /// `target [queries, heads, head size]`.
  public void run(AttentionInput heads, KeyBlocks blocks, double scale, Tensor target) {
    Consumer<KernelArguments> output =
        arguments ->
            arguments
                .add(DeviceStorage.address(target))
                .add(0L) // plain rows have no scales and note no magnitudes
                .add(0L)
                .add(0L)
                .add(0);
    run(new Call(heads, blocks, scale, RowFormat.PLAIN, output));
  }

  /// What is asked for; `blocks` is null for all keys.
  private record Call(
      AttentionInput heads,
      KeyBlocks blocks,
      double scale,
      RowFormat format,
      Consumer<KernelArguments> output) {}

  private void run(Call call) {
    AttentionPlan plan = plan(call.heads, call.blocks != null);
    try (Scope _ = memory.scope()) {
      long parts = parts(plan, call.heads);
      KernelArguments arguments =
          switch (call.heads) {
            case Heads heads -> plain(plan, heads, call.scale);
            case QuantizedHeads heads -> narrow(plan, heads, call.scale);
          };
      addCut(arguments, plan);
      addBlocks(arguments, call.blocks).add(parts);
      call.output.accept(arguments);
      Map<String, Object> constants = constants(plan, call.format);
      Kernel kernel =
          kernels.computeIfAbsent(
              constants, _ -> device.kernel(file(plan), "attention", constants));
      int threads = 128 * (plan.groups() + 1);
      device.launch(kernel, LaunchShape.of(plan.blocks(), threads).withShared(plan.sharedBytes()));
      if (plan.isCut()) {
        join(plan, call, parts);
      }
    }
  }

  private long parts(AttentionPlan plan, AttentionInput heads) {
    int floats =
        AttentionPlan.partFloats(plan.format(), plan.isListed(), heads.keys(), plan.headSize());
    return floats == 0 ? 0 : DeviceStorage.address(memory.empty(DType.F32, Shape.of(floats)));
  }

  private static String file(AttentionPlan plan) {
    return switch (plan.format()) {
      case EightBit.INT8_VALUES -> VALUES_FILE;
      case EightBit.INT8, EightBit.FLOAT8, EightBit.INT8_SCORES -> CODES_FILE;
      case AttentionFormat.Simple.PLAIN -> FILE;
    };
  }

  private KernelArguments plain(AttentionPlan plan, Heads heads, double scale) {
    TensorMap query = map(heads.query(), GROUP_QUERIES);
    TensorMap key = map(heads.key(), plan.tile());
    TensorMap value = map(heads.value(), plan.tile());
    return addSizes(device.arguments().add(query).add(key).add(value), heads, scale);
  }

  private KernelArguments narrow(AttentionPlan plan, QuantizedHeads heads, double scale) {
    TensorMap query = map(heads.query(), GROUP_QUERIES);
    TensorMap key = map(heads.key(), plan.tile());
    TensorMap value;
    Tensor means;
    if (heads.format().hasNarrowValues()) {
      HeadCodeKernels.Transposed transposed = codes.transposed(heads);
      value = transposedMap(heads, transposed.codes());
      means = transposed.means();
    } else {
      value = map(heads.value(), plan.tile());
      means = heads.valueMeans();
    }
    KernelArguments arguments = device.arguments().add(query).add(key).add(value);
    if (heads.format() == EightBit.INT8_VALUES) {
      arguments.add(scaleMap(heads.valueScales()));
      return addSizes(arguments, heads, scale).add(DeviceStorage.address(means));
    }
    return addSizes(arguments, heads, scale)
        .add(DeviceStorage.address(heads.queryScales()))
        .add(DeviceStorage.address(heads.keyScales()))
        .add(DeviceStorage.address(heads.valueScales()))
        .add(DeviceStorage.address(means))
        .add(heads.keyScales().length(1));
  }

  private static KernelArguments addSizes(
      KernelArguments arguments, AttentionInput heads, double scale) {
    return arguments
        .add(heads.queries())
        .add(heads.keys())
        .add(heads.heads())
        .add((float) (scale / Math.log(2))); // exponents are of two
  }

  private static KernelArguments addCut(KernelArguments arguments, AttentionPlan plan) {
    return arguments.add(plan.rounds()).add(plan.rest()).add(plan.shares());
  }

  private static KernelArguments addBlocks(KernelArguments arguments, KeyBlocks blocks) {
    return blocks == null
        ? arguments.add(0L).add(0L).add(0)
        : arguments
            .add(DeviceStorage.address(blocks.counts()))
            .add(DeviceStorage.address(blocks.blocks()))
            .add(blocks.most());
  }

  private void join(AttentionPlan plan, Call call, long parts) {
    KernelArguments arguments =
        device
            .arguments()
            .add(call.heads.queries())
            .add(plan.tiles())
            .add(call.heads.heads())
            .add(plan.blocks());
    call.output.accept(addCut(arguments, plan).add(parts));
    Map<String, Object> constants = joinConstants(plan, call.format);
    Kernel kernel =
        joins.computeIfAbsent(constants, _ -> device.kernel(JOIN_FILE, "join", constants));
    device.launch(kernel, LaunchShape.of(plan.warps(), plan.rest(), JOIN_THREADS));
  }

  private static Map<String, Object> constants(AttentionPlan plan, RowFormat format) {
    Map<String, Object> constants = new HashMap<>(joinConstants(plan, format));
    constants.put("KEYS", plan.tile());
    constants.put("STAGES", plan.stages());
    constants.put("QUERY_STAGES", plan.queryStages());
    constants.put("LISTED", plan.isListed());
    if (plan.format() instanceof EightBit narrow) {
      if (narrow == EightBit.INT8_VALUES) {
        constants.put("GROUP", narrow.valueGroup());
      } else {
        constants.put("GROUP", narrow.keyGroup());
        constants.put("IS_INTEGER", narrow.scoreType(DType.BF16) == DType.I8);
        constants.put("IS_WIDE", !narrow.hasNarrowValues());
        constants.put("PROMOTED", plan.promotedTiles());
      }
    }
    return constants;
  }

  private static Map<String, Object> joinConstants(AttentionPlan plan, RowFormat format) {
    return Map.of("HEAD_SIZE", plan.headSize(), "GROUPS", plan.groups(), "FORMAT", format.number());
  }

  /// Boxes of so many rows of a head, 128 bytes of each.
  private TensorMap map(Tensor x, int rows) {
    int bytes = x.dtype().bytes();
    long tokens = x.shape().size(0);
    long size = x.shape().size(2);
    long row = bytes * x.shape().size(1) * size;
    return maps.of(
        new TensorMaps.Cut(
            bytes == 1 ? Element.BYTE : Element.BFLOAT16,
            DeviceStorage.address(x),
            List.of(size, x.shape().size(1), tokens, 1L),
            List.of(bytes * size, row, row * tokens),
            List.of(ROW_BYTES / bytes, 1, rows, 1),
            Swizzle.BYTES_128));
  }

  /// Boxes of 32 keys of all channels of a head.
  private TensorMap transposedMap(QuantizedHeads heads, Tensor values) {
    long padded = DeviceRules.paddedKeys(heads.keys());
    long head = padded * heads.headSize();
    return maps.of(
        new TensorMaps.Cut(
            Element.BYTE,
            DeviceStorage.address(values),
            List.of(padded, (long) heads.headSize(), (long) heads.heads(), 1L),
            List.of(padded, head, head * heads.heads()),
            List.of(STEP_KEYS, heads.headSize(), 1, 1),
            Swizzle.BYTES_32));
  }

  /// Boxes of the scales of all channels of a head for a group of values.
  private TensorMap scaleMap(Tensor scales) {
    long heads = scales.shape().size(0);
    long groups = scales.shape().size(1);
    long size = scales.shape().size(2);
    long row = size * Float.BYTES;
    return maps.of(
        new TensorMaps.Cut(
            Element.FLOAT32,
            DeviceStorage.address(scales),
            List.of(size, groups, heads, 1L),
            List.of(row, row * groups, row * groups * heads),
            List.of((int) size, 1, 1, 1),
            Swizzle.NONE));
  }
}
