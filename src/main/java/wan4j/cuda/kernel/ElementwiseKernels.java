package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.KernelArguments;
import wan4j.cuda.bind.LaunchShape;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.jit.Kernel;
import wan4j.ops.Activation;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The host half of elementwise.cu, bias.cu and combine.cu: operations on single elements.
public final class ElementwiseKernels {
  /// The terms that one pass adds.
  public static final int MOST_TERMS = 8;

  private record Key(String name, int vector, DType source, DType target, Activation function) {}

  private record BiasKey(
      int columns,
      int stride,
      int vector,
      DType type,
      DType bias,
      Activation function,
      boolean added) {}

  private record CombineKey(int vector, int terms, DType target, int types) {}

  private final Device device;
  private final Map<Key, Kernel> kernels = new HashMap<>();
  private final Map<BiasKey, Kernel> biasKernels = new HashMap<>();
  private final Map<CombineKey, Kernel> combineKernels = new HashMap<>();

  public ElementwiseKernels(Device device) {
    this.device = device;
  }

  /// Writes `function(source)` in the target's type.
  public void convert(Tensor source, Tensor target, Activation function) {
    if (source.count() == 0) {
      return;
    }
    int vector = Tiling.vector(source.count(), source, target);
    long vectors = source.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(source))
        .add(DeviceStorage.address(target))
        .add(vectors);
    device.launch(
        kernel(new Key("convert", vector, source.dtype(), target.dtype(), function)),
        LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Returns the kernel of [#convert] for launches in other streams: source, target, vectors.
  public Kernel conversion(DType source, DType target, int vector, Activation function) {
    return kernel(new Key("convert", vector, source, target, function));
  }

  /// Adds `source` to `target`.
  public void add(Tensor target, Tensor source) {
    if (target.count() == 0) {
      return;
    }
    int vector = Tiling.vector(target.count(), source, target);
    long vectors = target.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(target))
        .add(DeviceStorage.address(source))
        .add(vectors);
    device.launch(
        kernel(new Key("add", vector, source.dtype(), target.dtype(), Activation.NONE)),
        LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Adds `factor source` to the part of a matrix that begins at a row and a column; the source's
  /// rows are `columns` long.
  public void addScaled(
      Tensor source, int columns, float factor, Tensor target, long firstRow, long firstColumn) {
    if (source.count() == 0) {
      return;
    }
    int stride = target.length(1);
    long first = firstRow * stride + firstColumn;
    device
        .arguments()
        .add(DeviceStorage.address(source))
        .add(DeviceStorage.address(target) + first * target.dtype().bytes())
        .add(columns)
        .add(stride)
        .add(factor)
        .add(source.count());
    device.launch(
        kernel(new Key("addScaled", 1, source.dtype(), target.dtype(), Activation.NONE)),
        LaunchShape.covering(source.count(), Tiling.FLAT_THREADS));
  }

  /// Gathers rows of a table.
  public void embedding(Tensor table, Tensor ids, Tensor target) {
    if (target.count() == 0) {
      return;
    }
    int vector = Tiling.vector(table.shape().size(1), table, target);
    long vectors = target.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(table))
        .add(DeviceStorage.address(ids))
        .add(DeviceStorage.address(target))
        .add(table.length(1) / vector)
        .add(vectors);
    device.launch(
        kernel(new Key("embedding", vector, table.dtype(), target.dtype(), Activation.NONE)),
        LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Adds a timestep's modulation to a block's table, part by part.
  public void modulation(Tensor table, Tensor timestep, Tensor target) {
    int dim = table.length(1);
    device
        .arguments()
        .add(DeviceStorage.address(table))
        .add(DeviceStorage.address(timestep))
        .add(DeviceStorage.address(target))
        .add(table.length(0))
        .add(timestep.length(0))
        .add(dim)
        .add(timestep.length(1) == dim ? 1 : 0);
    device.launch(
        kernel(new Key("modulation", 1, DType.F32, DType.F32, Activation.NONE)),
        LaunchShape.covering(target.count(), Tiling.FLAT_THREADS));
  }

  /// Writes `function(x + bias) + addend` to `target`, which may be `x` or `addend`; `addend` is
  /// null for none, all are of one type, and rows of `x` may be longer than the target's.
  public void addBias(Tensor x, Tensor bias, Activation function, Tensor addend, Tensor target) {
    if (target.count() == 0) {
      return;
    }
    int columns = target.length(-1);
    int stride = x.length(-1);
    Tensor other = addend == null ? target : addend;
    int vector = Math.min(Tiling.vector(columns, bias, other, target), Tiling.vector(stride, x));
    long vectors = target.count() / vector;
    device
        .arguments()
        .add(DeviceStorage.address(x))
        .add(DeviceStorage.address(bias))
        .add(DeviceStorage.address(other))
        .add(DeviceStorage.address(target))
        .add(vectors);
    BiasKey key =
        new BiasKey(columns, stride, vector, x.dtype(), bias.dtype(), function, addend != null);
    device.launch(biasKernel(key), LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  /// Writes the sum of coefficient times term for at most eight terms.
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    int count = terms.size();
    Tensor[] tensors = terms.toArray(new Tensor[0]);
    if (target.count() == 0) {
      return;
    }
    int types = 0;
    int vector = Tiling.vector(target.count(), target);
    for (int i = 0; i < count; i++) {
      types |= ElementType.of(tensors[i]) << (2 * i);
      vector = Math.min(vector, Tiling.vector(target.count(), tensors[i]));
    }
    long vectors = target.count() / vector;
    KernelArguments arguments = device.arguments().add(DeviceStorage.address(target)).add(vectors);
    for (int i = 0; i < MOST_TERMS; i++) {
      arguments.add(i < count ? DeviceStorage.address(tensors[i]) : 0L);
    }
    for (int i = 0; i < MOST_TERMS; i++) {
      arguments.add(i < count ? (float) coefficients[i] : 0f);
    }
    CombineKey key = new CombineKey(vector, count, target.dtype(), types);
    device.launch(combineKernel(key), LaunchShape.covering(vectors, Tiling.FLAT_THREADS));
  }

  private Kernel kernel(Key key) {
    return kernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "elementwise.cu",
                key.name,
                Map.of(
                    "VECTOR", key.vector,
                    "SOURCE", ElementType.of(key.source),
                    "TARGET", ElementType.of(key.target),
                    "FUNCTION", ElementType.of(key.function))));
  }

  private Kernel biasKernel(BiasKey key) {
    return biasKernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "bias.cu",
                "addBias",
                Map.of(
                    "COLUMNS", key.columns,
                    "STRIDE", key.stride,
                    "VECTOR", key.vector,
                    "TYPE", ElementType.of(key.type),
                    "BIAS", ElementType.of(key.bias),
                    "FUNCTION", ElementType.of(key.function),
                    "ADDED", key.added)));
  }

  private Kernel combineKernel(CombineKey key) {
    return combineKernels.computeIfAbsent(
        key,
        _ ->
            device.kernel(
                "combine.cu",
                "combine",
                Map.of(
                    "VECTOR", key.vector,
                    "TERMS", key.terms,
                    "TARGET", ElementType.of(key.target),
                    "TYPES", key.types)));
  }
}
