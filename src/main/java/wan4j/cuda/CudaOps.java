package wan4j.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.jit.KernelCache;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.RowStatistics;
import wan4j.ops.Scope;
import wan4j.ops.Shapes;
import wan4j.ops.VideoShapes;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// The waist on a Hopper GPU: kernels of our own for what moves memory, cuBLASLt for products,
/// cuDNN for convolutions and attention. All work is queued in one stream in the caller's order.
public final class CudaOps implements Ops {
  private final CudaTypes types;
  private final Device device;
  private final DeviceMemory memory;
  private final Products products;
  private final LibraryWorkspace workspace;
  private final NormKernels norms;
  private final RopeKernels rope;
  private final GateKernels gates;
  private final ElementwiseKernels elementwise;
  private final CompareKernels comparison;
  private final PatchKernels patches;
  private final QuantizeKernels quantization;
  private final VideoKernels video;
  private final RandomKernels random;
  private final ConvolutionKernels convolutionKernels;
  private final LinearLayers layers;
  private final FusedAttention fusedAttention;
  private final ProductAttention productAttention;
  private final Convolutions convolutions;
  private WeightLoader loader;

  /// Opens the GPU of this ordinal for the calling thread, with the user's cache of compiled
  /// kernels.
  public CudaOps(int ordinal, CudaTypes types) {
    this(ordinal, types, KernelCache.ofUser());
  }

  /// Opens the GPU of this ordinal for the calling thread; throws `CudaException` when there is
  /// none.
  public CudaOps(int ordinal, CudaTypes types, KernelCache cache) {
    this.types = types;
    device = new Device(ordinal, cache);
    memory = new DeviceMemory(device.stream());
    products = new Products(device);
    workspace = new LibraryWorkspace(device);
    norms = new NormKernels(device);
    rope = new RopeKernels(device);
    gates = new GateKernels(device);
    elementwise = new ElementwiseKernels(device);
    comparison = new CompareKernels(device);
    patches = new PatchKernels(device);
    quantization = new QuantizeKernels(device);
    video = new VideoKernels(device);
    random = new RandomKernels(device);
    convolutionKernels = new ConvolutionKernels(device);
    layers = new LinearLayers(products, types.tf32());
    fusedAttention = new FusedAttention(workspace);
    productAttention =
        new ProductAttention(products, new SoftmaxKernels(device), memory, types.tf32());
    convolutions =
        new Convolutions(workspace, products, convolutionKernels, elementwise, memory, types);
  }

  /// Makes sure that scopes can hold so many bytes without asking the driver again; too little is
  /// an `InputException` with the numbers.
  public void reserve(long bytes) {
    memory.reserve(bytes);
  }

  /// Returns the bytes of device memory that scopes and weights could fill: what is free, and what
  /// they hold already.
  public long availableBytes() {
    device.adopt();
    return CudaDriver.freeMemory() + memory.heldBytes();
  }

  /// Returns the stream in which all work is queued, a handle of the driver.
  public long stream() {
    return device.stream();
  }

  /// Returns the GPU's context, for other threads that call CUDA.
  public long context() {
    return device.context();
  }

  /// Returns the device address of a tensor's first element.
  public static long address(Tensor tensor) {
    return DeviceStorage.address(tensor);
  }

  DeviceMemory memory() {
    return memory;
  }

  QuantizeKernels quantizeKernels() {
    return quantization;
  }

  ConvolutionKernels convolutionKernels() {
    return convolutionKernels;
  }

  /// Queues the load of a whole tensor into device memory, in the target's type.
  void load(TensorSource source, Tensor target) {
    if (source instanceof RandomSource random) {
      this.random.fill(random, target);
      return;
    }
    if (loader == null) {
      loader = new WeightLoader(device, elementwise);
    }
    loader.load(source, target);
  }

  // ---- memory

  @Override
  public DType activation() {
    return types.activation();
  }

  @Override
  public DType residual() {
    return types.residual();
  }

  @Override
  public Scope scope() {
    device.adopt();
    return memory.scope();
  }

  @Override
  public Tensor empty(DType dtype, long... sizes) {
    device.adopt();
    return memory.empty(dtype, Shape.of(sizes));
  }

  @Override
  public Parameters parameters() {
    device.adopt();
    return new CudaParameters(this);
  }

  @Override
  public Tensor upload(Tensor host, DType dtype) {
    device.adopt();
    DType kept = host.dtype().isFloat() ? dtype : host.dtype();
    Tensor result = memory.empty(kept, host.shape());
    try (Scope _ = memory.scope();
        Arena arena = Arena.ofConfined()) {
      Tensor raw = kept == host.dtype() ? result : memory.empty(host.dtype(), host.shape());
      if (host.count() > 0) {
        MemorySegment copy = arena.allocate(host.bytes(), 64).copyFrom(host.segment());
        CudaDriver.copyToDevice(address(raw), copy, device.stream());
        if (raw != result) {
          elementwise.convert(raw, result, Activation.NONE);
        }
        device.synchronize(); // the copy must not outlive the arena
      }
    }
    return result;
  }

  @Override
  public Tensor download(Tensor tensor) {
    device.adopt();
    MemorySegment copy =
        Arena.ofAuto().allocate(Math.max(tensor.bytes(), 1), 64).asSlice(0, tensor.bytes());
    switch (tensor.storage()) {
      case HostStorage _ -> copy.copyFrom(tensor.segment());
      case BlockScales scales -> {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment raw = arena.allocate(scales.bytes(), 64);
          fetch(raw, scales.memory().address());
          scales.arrange(raw, tensor.shape().size(0), tensor.shape().size(1), copy);
        }
      }
      default -> fetch(copy, address(tensor));
    }
    return new Tensor(tensor.shape(), tensor.dtype(), new HostStorage(copy));
  }

  private void fetch(MemorySegment target, long address) {
    if (target.byteSize() > 0) {
      CudaDriver.copyToHost(target, address, device.stream());
    }
    device.synchronize();
  }

  @Override
  public void copy(Tensor source, Tensor target) {
    Shapes.copy(source, target);
    if (source.dtype() != target.dtype()) {
      elementwise.convert(source, target, Activation.NONE);
    } else if (source.bytes() > 0) {
      CudaDriver.copyOnDevice(address(target), address(source), source.bytes(), device.stream());
    }
  }

  @Override
  public void clear(Tensor target) {
    if (target.bytes() > 0) {
      CudaDriver.fillBytes(address(target), 0, target.bytes(), device.stream());
    }
  }

  @Override
  public void synchronize() {
    device.adopt();
    device.synchronize();
  }

  @Override
  public long peakBytes() {
    return memory.peakBytes();
  }

  // ---- layers of transformers

  @Override
  public Tensor embedding(Tensor table, Tensor ids) {
    Tensor target = memory.empty(residual(), Shapes.embedding(table, ids));
    elementwise.embedding(table, ids, target);
    return target;
  }

  @Override
  public Operand operand(Tensor x, OperandFormat want) {
    Shapes.operand(x);
    if (want instanceof OperandFormat.Simple simple && x.dtype() == plainType(simple)) {
      return new Operand.Plain(x);
    }
    return finish(x, new LinearLayers.Remainder(null, Activation.NONE), want);
  }

  /// The type of a plain format's elements, or null.
  private DType plainType(OperandFormat.Simple format) {
    return switch (format) {
      case PLAIN -> activation();
      case FLOAT32 -> DType.F32;
      case FLOAT8_CURRENT, FLOAT8_BLOCK, FLOAT8_TOKEN -> null;
    };
  }

  private Operand finish(Tensor x, LinearLayers.Remainder remainder, OperandFormat want) {
    RowOutput output = output(x.shape(), want);
    quantization.rows(x, remainder.bias(), remainder.function(), output);
    return output.finish();
  }

  private RowOutput output(Shape shape, OperandFormat want) {
    return new RowOutput(memory, quantization, activation(), shape, want);
  }

  @Override
  public Tensor linear(Operand x, Linear layer, Activation activation) {
    Shape shape = Shapes.linear(x, layer);
    CudaLinear own = (CudaLinear) layer;
    DType type = LinearLayers.outputType(own, activation());
    DType wanted = own.precision().isFloat8() ? activation() : type;
    Tensor target = memory.empty(wanted, shape);
    try (Scope _ = memory.scope()) {
      Tensor product = type == wanted ? target : memory.empty(type, shape);
      LinearLayers.Remainder remainder = layers.run(inTypeOf(own, x), own, activation, product);
      if (remainder.bias() != null) {
        elementwise.addBias(product, remainder.bias(), remainder.function(), null, product);
      }
      Activation left = remainder.bias() == null ? remainder.function() : Activation.NONE;
      if (left != Activation.NONE || product != target) {
        elementwise.convert(product, target, left);
      }
    }
    return target;
  }

  /// A plain operand in the type of the layer's weight.
  private Operand inTypeOf(CudaLinear layer, Operand x) {
    boolean isRight =
        x instanceof Operand.Quantized || x.values().dtype() == layer.weight().dtype();
    if (isRight) {
      return x;
    }
    Tensor converted = memory.empty(layer.weight().dtype(), x.values().shape());
    elementwise.convert(x.values(), converted, Activation.NONE);
    return new Operand.Plain(converted);
  }

  @Override
  public Operand linear(Operand x, Linear layer, Activation activation, OperandFormat want) {
    CudaLinear own = (CudaLinear) layer;
    DType type = LinearLayers.outputType(own, activation());
    if (want instanceof OperandFormat.Simple simple && plainType(simple) == type) {
      return new Operand.Plain(linear(x, layer, activation));
    }
    Shape shape = Shapes.linear(x, layer);
    RowOutput output = output(shape, want);
    try (Scope _ = memory.scope()) {
      Tensor product = memory.empty(type, shape);
      LinearLayers.Remainder remainder = layers.run(inTypeOf(own, x), own, activation, product);
      quantization.rows(product, remainder.bias(), remainder.function(), output);
    }
    return output.finish();
  }

  @Override
  public Operand gatedGelu(Tensor x, OperandFormat want) {
    RowOutput output = output(Shapes.gatedGelu(x), want);
    gates.gatedGelu(x, output);
    return output.finish();
  }

  @Override
  public Tensor silu(Tensor x) {
    Tensor target = memory.empty(DType.F32, Shapes.silu(x));
    elementwise.convert(x, target, Activation.SILU);
    return target;
  }

  @Override
  public Tensor modulation(Tensor table, Tensor timestep) {
    Tensor target = memory.empty(DType.F32, Shapes.modulation(table, timestep));
    elementwise.modulation(table, timestep, target);
    return target;
  }

  @Override
  public Operand modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, OperandFormat want) {
    RowOutput output = output(Shapes.modulatedNorm(x, shift, scale, rows), want);
    norms.modulatedNorm(x, shift, scale, rows, epsilon, output);
    return output.finish();
  }

  @Override
  public Operand layerNorm(
      Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    RowOutput output = output(Shapes.layerNorm(x, weight, bias), want);
    try (Scope _ = memory.scope()) {
      norms.layerNorm(x, weight, as(weight.dtype(), bias), epsilon, output);
    }
    return output.finish();
  }

  @Override
  public Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want) {
    RowOutput output = output(Shapes.rmsNorm(x, weight), want);
    norms.rmsNorm(x, weight, epsilon, output);
    return output.finish();
  }

  @Override
  public Heads queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, int heads) {
    Shape shape = Shapes.queryKeyValue(qkv, queryWeight, keyWeight, rope, heads);
    Heads result =
        new Heads(
            memory.empty(activation(), shape),
            memory.empty(activation(), shape),
            memory.empty(activation(), shape));
    try (Scope _ = memory.scope()) {
      this.rope.queryKeyValue(
          as(activation(), qkv),
          queryWeight,
          as(queryWeight.dtype(), keyWeight),
          epsilon,
          rope,
          result);
    }
    return result;
  }

  @Override
  public Operand attention(Heads heads, double scale, OperandFormat want) {
    Shape shape = Shapes.attention(heads);
    return attend(shape, want, target -> attend(heads, scale, target, null));
  }

  @Override
  public Operand relativeAttention(Heads heads, Tensor bias, int keys, OperandFormat want) {
    Shape shape = Shapes.relativeAttention(heads, bias, keys);
    ProductAttention.Bias given = new ProductAttention.Bias(bias, keys);
    return attend(shape, want, target -> attend(heads, 1, target, given));
  }

  private interface Attend {
    void to(Tensor target);
  }

  /// Writes attention as it is, or by way of an activation tensor into another format.
  private Operand attend(Shape shape, OperandFormat want, Attend attend) {
    if (want == OperandFormat.Simple.PLAIN) {
      Tensor target = memory.empty(activation(), shape);
      attend.to(target);
      return new Operand.Plain(target);
    }
    RowOutput output = output(shape, want);
    try (Scope _ = memory.scope()) {
      Tensor target = memory.empty(activation(), shape);
      attend.to(target);
      quantization.rows(target, null, Activation.NONE, output);
    }
    return output.finish();
  }

  private void attend(Heads heads, double scale, Tensor target, ProductAttention.Bias bias) {
    if (target.count() == 0) {
      return;
    }
    try (Scope _ = memory.scope()) {
      Heads own =
          new Heads(
              as(activation(), heads.query()),
              as(activation(), heads.key()),
              as(activation(), heads.value()));
      if (bias == null && fusedAttention.run(own, scale, target)) {
        return;
      }
      ProductAttention.Layout layout = layout(own, target);
      if (productAttention.isSupported(layout, activation())) {
        productAttention.run(layout, activation(), scale, bias);
        return;
      }
      // No bfloat16 product for such rows: float32 takes any.
      Tensor wide = memory.empty(DType.F32, target.shape());
      Heads all =
          new Heads(
              as(DType.F32, own.query()), as(DType.F32, own.key()), as(DType.F32, own.value()));
      productAttention.run(layout(all, wide), DType.F32, scale, bias);
      elementwise.convert(wide, target, Activation.NONE);
    }
  }

  private static ProductAttention.Layout layout(Heads heads, Tensor target) {
    Tensor query = heads.query();
    int size = query.length(2);
    long row = (long) query.length(1) * size;
    return new ProductAttention.Layout(
        address(query),
        address(heads.key()),
        address(heads.value()),
        address(target),
        row,
        size,
        row,
        size,
        query.length(1),
        query.length(0),
        heads.key().length(0),
        size);
  }

  @Override
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    Shapes.gatedAdd(x, y, gate, rows);
    gates.gatedAdd(x, y, gate, rows);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    Shapes.add(x, y);
    elementwise.add(x, y);
  }

  @Override
  public Operand patchify(List<Tensor> latents, OperandFormat want) {
    Shape shape = Shapes.patchify(latents);
    boolean isPlain = want instanceof OperandFormat.Simple simple && plainType(simple) != null;
    if (isPlain) {
      DType type = want == OperandFormat.Simple.PLAIN ? activation() : DType.F32;
      Tensor target = memory.empty(type, shape);
      patches.patchify(latents, target);
      return new Operand.Plain(target);
    }
    RowOutput output = output(shape, want);
    try (Scope _ = memory.scope()) {
      Tensor target = memory.empty(activation(), shape);
      patches.patchify(latents, target);
      quantization.rows(target, null, Activation.NONE, output);
    }
    return output.finish();
  }

  @Override
  public Tensor unpatchify(Tensor tokens, int frames, int height, int width) {
    Tensor target = memory.empty(DType.F32, Shapes.unpatchify(tokens, frames, height, width));
    patches.unpatchify(tokens, target);
    return target;
  }

  // ---- layers of video autoencoders

  @Override
  public Tensor channelsLast(Tensor x, Tensor factor, Tensor offset) {
    Tensor target = memory.empty(activation(), VideoShapes.channelsLast(x, factor, offset));
    video.channelsLast(x, factor, offset, target);
    return target;
  }

  @Override
  public Tensor channelsFirst(Tensor features, Tensor factor, Tensor offset) {
    Tensor target = memory.empty(DType.F32, VideoShapes.channelsFirst(features, factor, offset));
    video.channelsFirst(features, factor, offset, target);
    return target;
  }

  @Override
  public Tensor pixels(Tensor features) {
    Tensor target = memory.empty(DType.U8, VideoShapes.pixels(features));
    video.pixels(features, target);
    return target;
  }

  @Override
  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    VideoShapes.channelNorm(x, gamma, target);
    video.channelNorm(x, gamma, silu, target);
  }

  @Override
  public void convolution(Tensor x, Convolution layer, Window window, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    convolve(x, layer, window, null, target);
  }

  @Override
  public void convolution(
      Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    VideoShapes.convolution(x, layer, window, addend);
    convolve(x, layer, window, addend, target);
  }

  private void convolve(Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    try (Scope _ = memory.scope()) {
      Tensor own =
          target.dtype() == activation() ? target : memory.empty(activation(), target.shape());
      Tensor added = addend == null ? null : as(activation(), addend);
      convolutions.run(as(activation(), x), (CudaConvolution) layer, window, added, own);
      if (own != target) {
        elementwise.convert(own, target, Activation.NONE);
      }
    }
  }

  @Override
  public Tensor upsample(Tensor x) {
    Tensor target = memory.empty(x.dtype(), VideoShapes.upsample(x));
    video.upsample(x, target);
    return target;
  }

  @Override
  public Tensor unfoldFrames(Tensor x) {
    Tensor target = memory.empty(x.dtype(), VideoShapes.unfoldFrames(x));
    video.unfoldFrames(x, target);
    return target;
  }

  @Override
  public Tensor frameAttention(Tensor qkv) {
    Tensor target = memory.empty(activation(), VideoShapes.frameAttention(qkv));
    try (Scope _ = memory.scope()) {
      Tensor x = as(activation(), qkv);
      int channels = target.length(3);
      int positions = x.length(1) * x.length(2);
      long element = x.dtype().bytes();
      for (int frame = 0; frame < x.length(0); frame++) {
        long start = address(x) + frame * 3L * positions * channels * element;
        ProductAttention.Layout layout =
            new ProductAttention.Layout(
                start,
                start + channels * element,
                start + 2L * channels * element,
                address(target) + (long) frame * positions * channels * element,
                3L * channels,
                0,
                channels,
                0,
                1,
                positions,
                positions,
                channels);
        productAttention.run(layout, activation(), 1 / Math.sqrt(channels), null);
      }
    }
    return target;
  }

  @Override
  public Tensor averageDown(Tensor x, int time, int space, int channels) {
    Tensor target = memory.empty(x.dtype(), VideoShapes.averageDown(x, time, space, channels));
    video.averageDown(x, time, space, target);
    return target;
  }

  @Override
  public Tensor duplicateUp(Tensor x, int time, int space, int channels, int skip) {
    Tensor target =
        memory.empty(x.dtype(), VideoShapes.duplicateUp(x, time, space, channels, skip));
    video.duplicateUp(x, time, space, skip, target);
    return target;
  }

  @Override
  public Tensor foldPixels(Tensor x) {
    Tensor target = memory.empty(x.dtype(), VideoShapes.foldPixels(x));
    video.foldPixels(x, target);
    return target;
  }

  @Override
  public Tensor unfoldPixels(Tensor x) {
    Tensor target = memory.empty(x.dtype(), VideoShapes.unfoldPixels(x));
    video.unfoldPixels(x, target);
    return target;
  }

  // ---- sampling and caches

  @Override
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    Shapes.linearCombination(target, coefficients, terms);
    int most = ElementwiseKernels.MOST_TERMS;
    if (terms.size() <= most) {
      elementwise.linearCombination(target, coefficients, terms);
      return;
    }
    try (Scope _ = memory.scope()) {
      Tensor sum = memory.empty(DType.F32, target.shape());
      elementwise.linearCombination(sum, Arrays.copyOf(coefficients, most), terms.subList(0, most));
      double[] left = Arrays.copyOfRange(coefficients, most - 1, coefficients.length);
      List<Tensor> rest = new ArrayList<>(terms.subList(most - 1, terms.size()));
      left[0] = 1;
      rest.set(0, sum);
      linearCombination(target, left, rest);
    }
  }

  @Override
  public RowStatistics compareRows(Tensor current, Tensor previous) {
    Shapes.compareRows(current, previous);
    int rows = current.length(0);
    try (Scope _ = memory.scope()) {
      Tensor sums = memory.empty(DType.F32, Shape.of(rows, 3));
      comparison.compareRows(current, previous, sums);
      return RowComparison.of(download(sums).toFloats());
    }
  }

  private Tensor as(DType dtype, Tensor x) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor converted = memory.empty(dtype, x.shape());
    elementwise.convert(x, converted, Activation.NONE);
    return converted;
  }

  @Override
  public void close() {
    device.adopt();
    device.synchronize();
    if (loader != null) {
      loader.close();
    }
    convolutions.close();
    fusedAttention.close();
    products.close();
    workspace.close();
    memory.close();
    device.close();
  }
}
