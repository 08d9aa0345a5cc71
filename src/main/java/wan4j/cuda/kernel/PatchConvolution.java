package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Element;
import wan4j.cuda.bind.TensorMap.Swizzle;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Window;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of patchconvolution.cu: convolutions of 3 x 3 or 3 x 3 x 3 with a stride of one
/// and a border of one pixel, in bfloat16. Which shapes it takes was decided by `bench convolution`
/// beside cuDNN, and never varies.
public final class PatchConvolution {
  private static final String FILE = "patchconvolution.cu";
  private static final int PATCH_HEIGHT = 16;
  private static final int THREADS = 384;
  private static final int SHARED = 225 * 1024; // bytes of a block, less its barriers
  private static final int PAGE = 1024; // bytes, what stages are aligned to
  private static final int MOST_STAGES = 8;

  /// How a block works: outputs of a product, channels and taps of a copy, squares of 8 x 8
  /// positions a warpgroup, and stages of both rings.
  record Plan(int outputs, int slice, int taps, int blocks, int featureStages, int weightStages) {
    /// Returns the best plan that fits shared memory.
    static Plan of(int inputs, int outputs) {
      int columns = DeviceRules.patchColumns(outputs);
      int slice = inputs % 64 == 0 ? 64 : inputs % 32 == 0 ? 32 : 16;
      int taps = slice == 64 && columns > 32 ? 1 : 3;
      int blocks = columns <= 96 ? 4 : columns == 128 ? 3 : 2;
      int features = pages((PATCH_HEIGHT + 2) * (8 * blocks + 2) * slice * 2);
      int weights = pages(taps * columns * slice * 2);
      int weightStages = Math.min(MOST_STAGES, (SHARED - PAGE - 2 * features) / weights);
      return new Plan(columns, slice, taps, blocks, 2, weightStages);
    }

    private static int pages(int bytes) {
      return Math.ceilDiv(bytes, PAGE) * PAGE;
    }

    int shared() {
      return PAGE
          + featureStages * pages((PATCH_HEIGHT + 2) * (8 * blocks + 2) * slice * 2)
          + weightStages * pages(taps * outputs * slice * 2);
    }
  }

  /// An instance of the kernel.
  record Key(Plan plan, boolean isNormalised) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();
  private final TensorMaps<TensorMap> maps = TensorMaps.ofDriver();

  public PatchConvolution(Device device) {
    this.device = device;
  }

  /// Writes the convolution of `x [frames, height, width, padded inputs]` plus bias, plus `addend`
  /// (null for none, may be the target), normalised by `gamma` (null for not at all).
  public void run(Tensor x, CudaConvolution layer, Tensor addend, Tensor gamma, Tensor target) {
    int inputs = x.length(3);
    Plan plan = Plan.of(inputs, layer.outputs());
    int frames = target.length(0);
    int height = target.length(1);
    int width = target.length(2);
    int across = Math.ceilDiv(width, 8 * plan.blocks);
    int down = Math.ceilDiv(height, PATCH_HEIGHT);
    int outputBlocks = Math.ceilDiv(layer.outputs(), plan.outputs);
    int patches = Math.multiplyExact(across * down * outputBlocks, frames);
    device
        .arguments()
        .add(features(x, plan))
        .add(weights(layer, inputs, plan))
        .add(DeviceStorage.address(layer.bias()))
        .add(addend == null ? 0 : DeviceStorage.address(addend))
        .add(gamma == null ? 0 : DeviceStorage.address(gamma))
        .add(DeviceStorage.address(target))
        .add(height)
        .add(width)
        .add(frames)
        .add(layer.time())
        .add(inputs / plan.slice)
        .add(layer.outputs())
        .add(across)
        .add(outputBlocks)
        .add(patches);
    int blocks = Math.min(patches, device.multiprocessors());
    Kernel kernel = kernel(new Key(plan, gamma != null));
    device.launch(kernel, LaunchShape.of(blocks, THREADS).withShared(plan.shared()));
  }

  private TensorMap features(Tensor x, Plan plan) {
    long channels = x.length(3);
    long row = 2 * channels * x.length(2);
    return maps.of(
        new TensorMaps.Cut(
            Element.BFLOAT16,
            DeviceStorage.address(x),
            List.of(channels, x.shape().size(2), x.shape().size(1), x.shape().size(0)),
            List.of(2 * channels, row, row * x.length(1)),
            List.of(plan.slice, 8 * plan.blocks + 2, PATCH_HEIGHT + 2, 1),
            swizzle(plan)));
  }

  private TensorMap weights(CudaConvolution layer, int inputs, Plan plan) {
    Tensor weight = layer.weightFor(inputs);
    return maps.of(
        new TensorMaps.Cut(
            Element.BFLOAT16,
            DeviceStorage.address(weight),
            List.of((long) inputs, (long) layer.paddedOutputs(), 3L, 3L * layer.time()),
            List.of(2L * weight.length(1), 2L * inputs, 6L * inputs),
            List.of(plan.slice, plan.outputs, plan.taps, 1),
            swizzle(plan)));
  }

  private static Swizzle swizzle(Plan plan) {
    return switch (plan.slice) {
      case 64 -> Swizzle.BYTES_128;
      case 32 -> Swizzle.BYTES_64;
      default -> Swizzle.BYTES_32;
    };
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(key, _ -> device.kernel(FILE, "convolve", constants(key)));
  }

  /// Begins to compile what a layer will want, so that kernels are there, many compiled at once,
  /// when the network's other weights are.
  public void prepare(CudaConvolution layer, DType type) {
    if (DeviceRules.isOurConvolution(type, layer, Window.SAME_3X3)) {
      Plan plan = Plan.of(DeviceRules.patchInputs(layer.inputs()), layer.outputs());
      device.prepare(FILE, constants(new Key(plan, false)));
      if (DeviceRules.isNormalisedByPatches(layer.outputs()) && layer.time() > 1) {
        device.prepare(FILE, constants(new Key(plan, true)));
      }
    }
  }

  static Map<String, Object> constants(Key key) {
    Map<String, Object> constants = new HashMap<>();
    constants.put("OUTPUTS", key.plan.outputs);
    constants.put("SLICE", key.plan.slice);
    constants.put("TAPS", key.plan.taps);
    constants.put("BLOCKS", key.plan.blocks);
    constants.put("FEATURE_STAGES", key.plan.featureStages);
    constants.put("WEIGHT_STAGES", key.plan.weightStages);
    constants.put("NORMALISED", key.isNormalised);
    return constants;
  }
}
