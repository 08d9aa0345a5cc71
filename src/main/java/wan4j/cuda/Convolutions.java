package wan4j.cuda;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.CudaException;
import wan4j.cuda.bind.Cudnn;
import wan4j.cuda.bind.CudnnConvolution;
import wan4j.cuda.bind.CudnnGraph;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulPlan;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.device.LibraryWorkspace;
import wan4j.cuda.kernel.ConvolutionKernels;
import wan4j.cuda.kernel.CudaConvolution;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.GroupConvolution;
import wan4j.cuda.kernel.PatchConvolution;
import wan4j.ops.Activation;
import wan4j.ops.Scope;
import wan4j.ops.Window;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Convolutions on channels-last features of the activation type: by kernels of ours where these
/// are made for them, which for channels in groups is one, else through cuDNN's deterministic
/// engines where channels come in eights, else (and where cuDNN has none) by gathering windows into
/// rows and multiplying them, a piece at a time.
public final class Convolutions implements AutoCloseable {
  /// A plan, or null where the library has none.
  private record Planned(CudnnConvolution convolution) {}

  private final LibraryWorkspace workspace;
  private final MatrixProducts products;
  private final PatchConvolution patches;
  private final GroupConvolution groups;
  private final ConvolutionKernels kernels;
  private final ElementwiseKernels elementwise;
  private final DeviceMemory memory;
  private final Compute compute;
  private final CudnnGraph.Precision precision;
  private final Algorithms algorithms;
  private final Map<CudnnConvolution.Shape, Planned> plans = new LinkedHashMap<>();

  Convolutions(
      LibraryWorkspace workspace,
      MatrixProducts products,
      PatchConvolution patches,
      GroupConvolution groups,
      ConvolutionKernels kernels,
      ElementwiseKernels elementwise,
      DeviceMemory memory,
      CudaTypes types,
      Algorithms algorithms) {
    this.workspace = workspace;
    this.products = products;
    this.patches = patches;
    this.groups = groups;
    this.kernels = kernels;
    this.elementwise = elementwise;
    this.memory = memory;
    this.algorithms = algorithms;
    compute = types.tf32() ? Compute.TF32 : Compute.FLOAT32;
    boolean isExact = types.activation() == DType.F32 && !types.tf32();
    precision = isExact ? CudnnGraph.Precision.FULL : CudnnGraph.Precision.ANY;
  }

  /// Writes the convolution of `x` plus bias plus `addend` (null for none, may be the target).
  void run(Tensor x, CudaConvolution layer, Window window, Tensor addend, Tensor target) {
    if (target.count() == 0) {
      return;
    }
    if (layer.groups() > 1) {
      groups.run(x, layer, window, addend, target);
    } else if (DeviceRules.isOurConvolution(x.dtype(), layer, window)) {
      runPatches(x, layer, addend, null, target);
    } else {
      runOthers(x, layer, window, addend, target);
    }
  }

  /// The same by others' kernels: cuDNN's, or products.
  void runOthers(Tensor x, CudaConvolution layer, Window window, Tensor addend, Tensor target) {
    if (!isPointwise(layer, window) && runLibrary(x, layer, window, addend, target)) {
      return;
    }
    if (addend != null && !addend.storage().equals(target.storage())) {
      elementwise.convert(addend, target, Activation.NONE);
    }
    runProducts(x, layer, window, addend != null, target);
  }

  /// Writes the convolution of `x` plus bias, normalised by `gamma` and through SiLU; returns false
  /// where that takes two steps.
  boolean runNormalised(
      Tensor x, CudaConvolution layer, Window window, Tensor gamma, Tensor target) {
    boolean isOurs =
        DeviceRules.isOurConvolution(x.dtype(), layer, window)
            && DeviceRules.isNormalisedByPatches(layer.outputs())
            && target.dtype() == x.dtype()
            && gamma.dtype() == DType.F32;
    if (isOurs && target.count() > 0) {
      runPatches(x, layer, null, gamma, target);
    }
    return isOurs;
  }

  /// Writes a convolution as `run` does, by our own kernel, whether that is faster or not; throws
  /// `IllegalArgumentException` where it is not made for the layer.
  void runPatches(Tensor x, CudaConvolution layer, Tensor addend, Tensor target) {
    if (!DeviceRules.fitsOurConvolution(x.dtype(), layer, Window.SAME_3X3)) {
      throw new IllegalArgumentException(
          "our kernel convolves 3 x 3 in bfloat16, got %d x %d of %s"
              .formatted(layer.height(), layer.width(), x));
    }
    runPatches(x, layer, addend, null, target);
  }

  private void runPatches(
      Tensor x, CudaConvolution layer, Tensor addend, Tensor gamma, Tensor target) {
    int channels = DeviceRules.patchInputs(layer.inputs());
    if (channels == layer.inputs()) {
      patches.run(x, layer, addend, gamma, target);
      return;
    }
    try (Scope _ = memory.scope()) {
      Tensor wide = memory.empty(x.dtype(), x.shape().with(3, channels));
      kernels.widen(x, wide);
      patches.run(wide, layer, addend, gamma, target);
    }
  }

  /// Begins to compile what a layer will want.
  void prepare(CudaConvolution layer, DType type) {
    patches.prepare(layer, type);
  }

  private static boolean isPointwise(CudaConvolution layer, Window window) {
    return layer.time() * layer.height() * layer.width() == 1
        && layer.inputs() == layer.weight().length(1)
        && window.equals(Window.VALID);
  }

  // ---- through cuDNN

  private boolean runLibrary(
      Tensor x, CudaConvolution layer, Window window, Tensor addend, Tensor target) {
    if (layer.inputs() % DeviceRules.CHANNELS != 0) {
      return false;
    }
    boolean isDirect = addend == null && layer.outputs() == layer.paddedOutputs();
    CudnnConvolution.Shape shape = shape(x, layer, window, isDirect);
    CudnnConvolution convolution = plan(shape);
    if (convolution != null && isDirect) {
      convolution.run(
          DeviceStorage.address(x),
          DeviceStorage.address(layer.weight()),
          DeviceStorage.address(layer.bias()),
          DeviceStorage.address(target),
          workspace.address(convolution.workspace()));
      return true;
    }
    convolution = isDirect ? plan(shape(x, layer, window, false)) : convolution;
    if (convolution == null) {
      return false;
    }
    try (Scope _ = memory.scope()) {
      Tensor sums =
          isDirect
              ? target
              : memory.empty(target.dtype(), target.shape().with(-1, layer.paddedOutputs()));
      convolution.run(
          DeviceStorage.address(x),
          DeviceStorage.address(layer.weight()),
          0,
          DeviceStorage.address(sums),
          workspace.address(convolution.workspace()));
      elementwise.addBias(sums, layer.bias(), Activation.NONE, addend, target);
    }
    return true;
  }

  /// An image kernel sees frames as a batch.
  private static CudnnConvolution.Shape shape(
      Tensor x, CudaConvolution layer, Window window, boolean biased) {
    long frames = x.shape().size(0);
    long height = x.shape().size(1);
    long width = x.shape().size(2);
    Cudnn.Element type = x.dtype() == DType.F32 ? Cudnn.Element.FLOAT32 : Cudnn.Element.BFLOAT16;
    long space = window.spaceStride();
    boolean isImage = layer.time() == 1 && window.timeStride() == 1;
    return isImage
        ? new CudnnConvolution.Shape(
            type,
            frames,
            layer.inputs(),
            layer.paddedOutputs(),
            List.of(height, width),
            List.of((long) layer.height(), (long) layer.width()),
            List.of((long) window.top(), (long) window.left()),
            List.of((long) window.bottom(), (long) window.right()),
            List.of(space, space),
            biased)
        : new CudnnConvolution.Shape(
            type,
            1,
            layer.inputs(),
            layer.paddedOutputs(),
            List.of(frames, height, width),
            List.of((long) layer.time(), (long) layer.height(), (long) layer.width()),
            List.of(0L, (long) window.top(), (long) window.left()),
            List.of(0L, (long) window.bottom(), (long) window.right()),
            List.of((long) window.timeStride(), space, space),
            biased);
  }

  /// Returns the convolutions that went through cuDNN so far.
  public List<CudnnConvolution.Shape> shapes() {
    return plans.entrySet().stream()
        .filter(planned -> planned.getValue().convolution != null)
        .map(Map.Entry::getKey)
        .toList();
  }

  private CudnnConvolution plan(CudnnConvolution.Shape shape) {
    return plans.computeIfAbsent(shape, this::make).convolution;
  }

  private Planned make(CudnnConvolution.Shape shape) {
    String known = algorithms.algorithm(shape);
    long handle = workspace.handle();
    long most = LibraryWorkspace.MOST;
    try {
      CudnnConvolution convolution =
          known == null ? null : CudnnConvolution.of(handle, shape, precision, most, known);
      return new Planned(
          convolution == null ? CudnnConvolution.of(handle, shape, precision, most) : convolution);
    } catch (CudaException e) {
      if (!e.isNotSupported()) {
        throw e;
      }
      return new Planned(null); // no deterministic engine for this shape: the products take it
    }
  }

  // ---- as matrix products

  void runProducts(Tensor x, CudaConvolution layer, Window window, boolean isAdded, Tensor target) {
    int columns = layer.weight().length(1);
    long positions = target.count() / layer.outputs();
    if (isPointwise(layer, window)) {
      multiply(x, layer, positions, isAdded, DeviceStorage.address(target), target.dtype());
      return;
    }
    long piece = Math.max(1, DeviceRules.MOST_GATHERED / ((long) columns * x.dtype().bytes()));
    for (long first = 0; first < positions; first += piece) {
      long rows = Math.min(piece, positions - first);
      try (Scope _ = memory.scope()) {
        Tensor windows = memory.empty(x.dtype(), Shape.of(rows, columns));
        kernels.gatherWindows(x, layer, window, first, windows);
        long to = DeviceStorage.address(target) + first * layer.outputs() * target.dtype().bytes();
        multiply(windows, layer, rows, isAdded, to, target.dtype());
      }
    }
  }

  private void multiply(
      Tensor rows, CudaConvolution layer, long count, boolean isAdded, long target, DType type) {
    MatmulDescription description =
        MatmulDescription.linear(
                count,
                layer.outputs(),
                layer.weight().shape().size(1),
                MatrixProducts.type(rows.dtype()),
                MatrixProducts.type(type))
            .with(rows.dtype() == DType.F32 ? compute : Compute.FLOAT32)
            .with(Epilogue.BIAS);
    MatmulPlan plan = products.plan(description).bias(address(layer.bias()));
    products.run(plan, address(rows), address(layer.weight()), isAdded ? 1 : 0, target);
  }

  private static long address(Tensor tensor) {
    return DeviceStorage.address(tensor);
  }

  @Override
  public void close() {
    for (Planned planned : plans.values()) {
      if (planned.convolution != null) {
        planned.convolution.close();
      }
    }
  }
}
