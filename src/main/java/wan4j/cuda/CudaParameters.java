package wan4j.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.CudaConvolution;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Scope;
import wan4j.ops.SideBranch;
import wan4j.ops.WeightSharing;
import wan4j.ops.backend.Placement;
import wan4j.ops.backend.SharedWeights;
import wan4j.ops.backend.SharingParameters;
import wan4j.ops.backend.SideStack;
import wan4j.ops.backend.SlabPacking;
import wan4j.ops.check.ConvolutionShapes;
import wan4j.ops.check.LinearShapes;
import wan4j.ops.plan.DeviceRules;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.StoredFloat8;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Weights in slabs of device memory, converted and quantised on the device as they arrive.
final class CudaParameters implements SharingParameters {
  private final CudaOps ops;
  private final SlabPacking packing = new SlabPacking(Placement.DEVICE, SlabPacking.GRANULE);
  private final List<DeviceStorage> slabs = new ArrayList<>();
  private final List<Tensor> states = new ArrayList<>();
  private final List<Runnable> undoing = new ArrayList<>();
  private final Arena host = Arena.ofShared();
  private final SharedWeights shared;
  private final BlockGathers gathers; // null where one rank has all weights
  private boolean isClosed;

  /// Creates a home that ranks share as `sharing` says.
  CudaParameters(CudaOps ops, WeightSharing sharing) {
    this.ops = ops;
    gathers = sharing.ranks() > 1 ? ops.gathers() : null;
    shared = new SharedWeights(sharing, new SharedHome());
  }

  /// What ranks share, in device memory.
  private final class SharedHome implements SharedWeights.Home {
    @Override
    public Tensor allocate(DType dtype, Shape shape) {
      return CudaParameters.this.allocate(dtype, shape);
    }

    @Override
    public void copy(Tensor theirs, Tensor own) {
      gathers.copy(theirs, own);
    }

    @Override
    public void synchronize() {
      ops.synchronize();
    }

    @Override
    public void gather(int buffer, List<SharedWeights.Move> moves) {
      gathers.begin(buffer, moves);
    }

    @Override
    public void await(int buffer) {
      gathers.await(buffer);
    }

    @Override
    public void finish(int buffer) {
      gathers.finish(buffer);
    }
  }

  @Override
  public SharedWeights shared() {
    return shared;
  }

  @Override
  public Tensor tensor(TensorSource source, DType dtype) {
    DType kept = source.dtype().isFloat() ? dtype : source.dtype();
    shared.begin(source.bytes());
    Tensor tensor = shared.whole(kept, source.shape());
    if (shared.isMaker()) {
      ops.load(source, tensor);
    }
    return tensor;
  }

  @Override
  public Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision) {
    LinearShapes shapes = LinearShapes.of(weights, biases);
    shared.begin(weights.stream().mapToLong(TensorSource::bytes).sum());
    Tensor bias = null;
    if (!biases.isEmpty()) {
      bias = shared.whole(biasType(precision), Shape.of(shapes.weight().size(0)));
      if (shared.isMaker()) {
        stack(biases, bias);
      }
    }
    if (!precision.isFloat8()) {
      Tensor weight = shared.matrix(plainType(precision), shapes.weight());
      if (shared.isMaker()) {
        stack(weights, weight);
      }
      return new CudaLinear(shapes.weight(), weight, bias, null, precision, null, null);
    }
    Tensor weight = shared.matrix(DType.F8_E4M3, DeviceRules.padded(shapes.weight()));
    Tensor inverse = shared.matrix(DType.F32, scales(shapes, weight.length(0), precision));
    if (shared.isMaker()) {
      fill(weights, shapes.weight(), precision, weight, inverse);
    }
    return layer(shapes.weight(), weight, bias, inverse, precision);
  }

  /// Returns the shape of a weight's inverse scales.
  private static Shape scales(LinearShapes shapes, int rows, Precision precision) {
    return switch (precision.weightGranularity()) {
      case BLOCK_128X128 ->
          Shape.of(
              Math.ceilDiv(shapes.outputs(), DeviceRules.SCALE_BLOCK),
              DeviceRules.tileScaleStride(shapes.inputs()));
      case ROW -> Shape.of(rows);
      case TENSOR, BLOCK_1X128 -> Shape.of(1);
    };
  }

  /// Writes codes and inverse scales of a weight of a shape.
  private void fill(
      List<TensorSource> weights, Shape shape, Precision precision, Tensor codes, Tensor inverse) {
    StoredFloat8 stored = StoredFloat8.of(weights, precision.weightGranularity());
    if (stored != null) {
      store(stored, shape, codes, inverse);
      return;
    }
    try (Scope _ = ops.scope()) {
      // From bfloat16, as Transformer Engine sees the weights of a bfloat16 model.
      Tensor plain = ops.empty(DType.BF16, shape.toArray());
      stack(weights, plain);
      quantize(padded(plain), precision, codes, inverse);
    }
  }

  /// Returns a matrix with zeros behind its rows and columns where FP8 wants them, in the innermost
  /// scope.
  private Tensor padded(Tensor matrix) {
    Shape wide = DeviceRules.padded(matrix.shape());
    if (wide.equals(matrix.shape())) {
      return matrix;
    }
    Tensor target = ops.empty(matrix.dtype(), wide.toArray());
    ops.clear(target);
    ops.quantizeKernels().fitRows(matrix, target);
    return target;
  }

  /// Takes codes as the checkpoint stores them.
  private void store(StoredFloat8 stored, Shape shape, Tensor weight, Tensor inverse) {
    if (weight.shape().equals(shape)) {
      stack(stored.codes(), weight);
    } else {
      try (Scope _ = ops.scope()) {
        Tensor codes = ops.empty(DType.F8_E4M3, shape.toArray());
        stack(stored.codes(), codes);
        ops.clear(weight);
        ops.quantizeKernels().fitRows(codes, weight);
      }
    }
    Tensor scales =
        switch (stored.granularity()) {
          case BLOCK_128X128 ->
              restrided(stored.inverseScales(), DeviceRules.tileScaleStride(shape.length(1)));
          case ROW ->
              restrided(stored.inverseScales().reshape(1, shape.length(0)), weight.length(0));
          case TENSOR, BLOCK_1X128 -> stored.inverseScales();
        };
    ops.load(TensorSource.of("scales", scales), inverse);
  }

  private void quantize(Tensor plain, Precision precision, Tensor weight, Tensor inverse) {
    if (precision == Precision.FLOAT8_BLOCK) {
      ops.quantizeKernels().quantizeSquares(plain, weight, inverse, inverse.length(1));
      return;
    }
    OperandFormat format =
        precision == Precision.FLOAT8_TOKEN
            ? OperandFormat.Simple.FLOAT8_TOKEN
            : OperandFormat.Simple.FLOAT8_CURRENT;
    if (!(ops.operand(plain, format) instanceof Operand.Quantized quantized)) {
      throw new IllegalStateException("a weight was not quantised as " + format);
    }
    ops.copy(quantized.values(), weight);
    ops.copy(quantized.inverseScales(), inverse);
  }

  private CudaLinear layer(
      Shape shape, Tensor weight, Tensor bias, Tensor inverse, Precision precision) {
    boolean isDelayed = precision == Precision.FLOAT8_DELAYED && !shared.isMeasuring();
    return new CudaLinear(
        shape,
        weight,
        bias,
        inverse,
        precision,
        isDelayed ? state() : null,
        isDelayed ? state() : null);
  }

  /// Copies a float32 host matrix to rows of another length; columns beyond the old are 0.
  private static Tensor restrided(Tensor matrix, int stride) {
    int rows = matrix.length(0);
    int kept = Math.min(stride, matrix.length(1));
    float[] values = matrix.toFloats();
    float[] target = new float[rows * stride];
    for (int row = 0; row < rows; row++) {
      System.arraycopy(values, row * matrix.length(1), target, row * stride, kept);
    }
    return Tensor.of(target, rows, stride);
  }

  @Override
  public Float8Matrix codes(Linear layer) {
    shared.requireWhole();
    if (!(layer instanceof CudaLinear own) || !own.precision().isFloat8()) {
      throw new IllegalArgumentException(
          "codes: the layer is not in FP8; load it in an FP8 precision");
    }
    Granularity granularity = own.precision().weightGranularity();
    Tensor inverse = downloaded(own.inverse());
    if (granularity == Granularity.BLOCK_128X128) {
      inverse = restrided(inverse, Math.ceilDiv(own.inputs(), Granularity.BLOCK));
    }
    if (granularity == Granularity.ROW) {
      inverse = inverse.reshape(own.weight().length(0)).slice(0, own.outputs());
    }
    return new Float8Matrix(codes(own), inverse, granularity);
  }

  private Tensor codes(CudaLinear layer) {
    if (!layer.isPadded()) {
      return downloaded(layer.weight());
    }
    try (Scope _ = ops.scope()) {
      Tensor codes = ops.empty(DType.F8_E4M3, layer.shape().toArray());
      ops.quantizeKernels().fitRows(layer.weight(), codes);
      return downloaded(codes);
    }
  }

  private Tensor downloaded(Tensor tensor) {
    MemorySegment copy = host.allocate(tensor.bytes(), DeviceMemory.ALIGNMENT);
    ops.fetch(copy, DeviceStorage.address(tensor));
    return new Tensor(tensor.shape(), tensor.dtype(), new HostStorage(copy));
  }

  private Tensor state() {
    Tensor state = allocate(DType.F32, Shape.of(DeviceRules.SCALING_STATE));
    ops.clear(state);
    states.add(state);
    return state;
  }

  @Override
  public Convolution convolution(TensorSource weight, TensorSource bias, int groups) {
    ConvolutionShapes shapes = ConvolutionShapes.of(weight, bias, groups);
    int inputs = shapes.inputs();
    int outputs = shapes.outputs();
    int columns = shapes.positions() * shapes.groupInputs();
    long rows = DeviceRules.paddedChannels(outputs);
    int wide = DeviceRules.patchInputs(inputs);
    boolean isWidened =
        groups == 1
            && wide != inputs
            && DeviceRules.isPatched(ops.activation(), shapes.height(), shapes.width());
    Shape packed =
        groups == 1
            ? Shape.of(rows, DeviceRules.paddedChannels(columns))
            : Shape.of(groups, columns, outputs / groups);
    shared.begin(weight.bytes());
    CudaConvolution layer =
        new CudaConvolution(
            shared.whole(ops.activation(), packed),
            shared.whole(ops.activation(), Shape.of(rows)),
            isWidened
                ? shared.whole(ops.activation(), Shape.of(rows, (long) shapes.positions() * wide))
                : null,
            inputs,
            outputs,
            groups,
            shapes.time(),
            shapes.height(),
            shapes.width());
    ops.convolutions().prepare(layer, ops.activation());
    if (!shared.isMaker()) {
      return layer;
    }
    ops.clear(layer.weight());
    ops.clear(layer.bias());
    if (isWidened) {
      ops.clear(layer.wide());
    }
    ops.load(bias, layer.bias().slice(0, outputs));
    try (Scope _ = ops.scope()) {
      Tensor plain = ops.empty(weight.dtype(), weight.shape().toArray());
      ops.load(weight, plain);
      if (groups > 1) {
        ops.convolutionKernels().packGroups(plain, layer, layer.weight());
        return layer;
      }
      ops.convolutionKernels().packWeight(plain, layer, inputs, layer.weight());
      if (isWidened) {
        ops.convolutionKernels().packWeight(plain, layer, wide, layer.wide());
      }
    }
    return layer;
  }

  @Override
  public void attach(Linear layer, List<SideBranch> branches) {
    CudaLinear own = (CudaLinear) layer;
    SideStack stack = SideStack.of(own, branches, own.bias(), new SideHome(own));
    ops.attach(own, stack);
    undoing.add(() -> ops.detach(own, stack));
  }

  /// Room for a layer's adapters.
  private final class SideHome implements SideStack.Home {
    private final CudaLinear layer;

    SideHome(CudaLinear layer) {
      this.layer = layer;
    }

    @Override
    public Tensor zeros(long rows, long columns) {
      DType type = layer.precision().isFloat8() ? DType.BF16 : layer.weight().dtype();
      Tensor tensor = allocate(type, Shape.of(rows, columns));
      ops.clear(tensor);
      return tensor;
    }

    @Override
    public Tensor copyOfBias() {
      Tensor copy = allocate(biasType(layer.precision()), Shape.of(layer.outputs()));
      if (layer.bias() == null) {
        ops.clear(copy);
      } else {
        ops.copy(layer.bias(), copy);
      }
      return copy;
    }

    @Override
    public void load(TensorSource source, Tensor target) {
      ops.load(source, target);
    }

    @Override
    public void addScaled(
        TensorSource source, int columns, float factor, Tensor target, int row, int column) {
      CudaParameters.this.addScaled(source, columns, factor, target, row, column);
    }
  }

  @Override
  public void adjust(Tensor tensor, TensorSource difference, float factor) {
    Tensor before = allocate(tensor.dtype(), tensor.shape());
    ops.copy(tensor, before);
    undoing.add(() -> ops.copy(before, tensor));
    int count = Math.toIntExact(tensor.count());
    addScaled(difference, count, factor, tensor.reshape(1, count), 0, 0);
  }

  private void addScaled(
      TensorSource source, int columns, float factor, Tensor target, int row, int column) {
    try (Scope _ = ops.scope()) {
      Tensor values = ops.empty(source.dtype(), source.shape().toArray());
      ops.load(source, values);
      ops.elementwiseKernels().addScaled(values, columns, factor, target, row, column);
    }
  }

  /// Loads tensors one behind the other into the outermost axis of one.
  private void stack(List<TensorSource> sources, Tensor target) {
    Tensor flat = target.reshape(target.count());
    long first = 0;
    for (TensorSource source : sources) {
      long count = source.shape().count();
      ops.load(source, flat.slice(first, count));
      first += count;
    }
  }

  private DType plainType(Precision precision) {
    return precision == Precision.FLOAT32 ? DType.F32 : ops.activation();
  }

  private DType biasType(Precision precision) {
    return precision.isFloat8() ? DType.BF16 : plainType(precision);
  }

  private Tensor allocate(DType dtype, Shape shape) {
    long size = shape.count() * dtype.bytes();
    SlabPacking.Place place = packing.place(size);
    if (place.slab() == slabs.size()) {
      long whole = packing.bytes(place.slab());
      slabs.add(new DeviceStorage(ops.heap().take(whole), whole));
    }
    return new Tensor(shape, dtype, slabs.get(place.slab()).slice(place.offset(), size));
  }

  @Override
  public void restart() {
    for (Tensor state : states) {
      ops.clear(state);
      ops.quantizeKernels().forget(state);
    }
  }

  /// A row is a state as it lies on the device and whether it has a scale from real magnitudes.
  @Override
  public Tensor histories() {
    int size = DeviceRules.SCALING_STATE;
    float[] values = new float[states.size() * (size + 1)];
    for (int i = 0; i < states.size(); i++) {
      float[] state = ops.download(states.get(i)).toFloats();
      System.arraycopy(state, 0, values, i * (size + 1), size);
      values[i * (size + 1) + size] = ops.quantizeKernels().isCalibrated(states.get(i)) ? 1 : 0;
    }
    return Tensor.of(values, states.size(), size + 1);
  }

  @Override
  public void restore(Tensor histories) {
    int size = DeviceRules.SCALING_STATE;
    for (int i = 0; i < states.size(); i++) {
      float[] row = histories.at(i).toFloats();
      try (Scope _ = ops.scope()) {
        ops.copy(ops.upload(Tensor.of(Arrays.copyOf(row, size), size), DType.F32), states.get(i));
      }
      ops.quantizeKernels().calibrated(states.get(i), row[size] != 0);
    }
  }

  @Override
  public long bytes() {
    return packing.bytes();
  }

  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    try {
      if (!ops.isBroken()) {
        Collections.reverse(undoing);
        undoing.forEach(Runnable::run);
        ops.synchronize();
        if (gathers != null) {
          gathers.close();
        }
      }
    } finally { // also when what was loaded last could not be read
      states.forEach(ops.quantizeKernels()::forget);
      host.close();
      shared.release(() -> slabs.forEach(slab -> ops.heap().give(slab.address())));
    }
  }
}
