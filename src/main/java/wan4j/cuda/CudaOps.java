package wan4j.cuda;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import wan4j.cuda.bind.CloseStack;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceHeap;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.device.LibraryWorkspace;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.kernel.AttentionKernels;
import wan4j.cuda.kernel.ConvolutionKernels;
import wan4j.cuda.kernel.CudaConvolution;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.GateKernels;
import wan4j.cuda.kernel.GroupAttentionKernels;
import wan4j.cuda.kernel.GroupConvolution;
import wan4j.cuda.kernel.HeadCodeKernels;
import wan4j.cuda.kernel.NormKernels;
import wan4j.cuda.kernel.PatchConvolution;
import wan4j.cuda.kernel.PatchKernels;
import wan4j.cuda.kernel.QuantizeKernels;
import wan4j.cuda.kernel.RopeKernels;
import wan4j.cuda.kernel.RowOutput;
import wan4j.cuda.kernel.SoftmaxKernels;
import wan4j.cuda.kernel.SwapKernels;
import wan4j.cuda.kernel.VideoKernels;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Change;
import wan4j.ops.Collectives;
import wan4j.ops.Convolution;
import wan4j.ops.Download;
import wan4j.ops.Heads;
import wan4j.ops.HostExchange;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.RowStatistics;
import wan4j.ops.Scope;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.ops.Window;
import wan4j.ops.backend.SideStack;
import wan4j.ops.check.Shapes;
import wan4j.ops.check.VideoShapes;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// The waist on a Hopper GPU: wan4j's kernels for what moves memory and for attention, cuBLASLt for
/// products, cuDNN for convolutions. All work is queued in one stream in the caller's order.
public final class CudaOps implements Ops {
  /// What besides key and inputs decides which work the same operations become.
  ///
  /// @param generation the device's, which changes when memory moves or a choice is made anew
  /// @param calibrated the states of delayed scaling that have a scale already
  record LaunchState(long generation, Set<Long> calibrated) {}

  private final CloseStack open = new CloseStack();
  private final CudaTypes types;
  private final Device device;
  private final DeviceMemory memory;
  private final MatrixProducts products;
  private final LibraryWorkspace workspace;
  private final Formats formats;
  private final Transfers transfers;
  private final Sampling sampling;
  private final NormKernels norms;
  private final RopeKernels rope;
  private final GateKernels gates;
  private final ElementwiseKernels elementwise;
  private final PatchKernels patches;
  private final SwapKernels swaps;
  private final QuantizeKernels quantization;
  private final VideoKernels video;
  private final ConvolutionKernels convolutionKernels;
  private final SummedLoads sums;
  private final LinearLayers layers;
  private final HeadCodes codes;
  private final AttentionLayers attentions;
  private final Convolutions convolutions;
  private final RecordedWork records;
  private long recordedRows;

  /// Opens the GPU of this ordinal for the calling thread, with the user's cache of compiled
  /// kernels.
  public CudaOps(int ordinal, CudaTypes types) {
    this(ordinal, types, KernelCache.ofUser());
  }

  /// Opens the GPU of this ordinal for the calling thread; throws `CudaException` when there is
  /// none.
  public CudaOps(int ordinal, CudaTypes types, KernelCache cache) {
    this(ordinal, types, cache, Long.MAX_VALUE);
  }

  /// Opens the GPU of this ordinal for the calling thread and takes at most `limit` bytes of its
  /// memory; throws `CudaException` when there is none.
  public CudaOps(int ordinal, CudaTypes types, KernelCache cache, long limit) {
    this.types = types;
    try {
      device = new Device(ordinal, cache, limit);
      open.add(device::close);
      memory = new DeviceMemory(device);
      open.add(memory::close);
      Algorithms algorithms = Algorithms.of(ordinal);
      products = new MatrixProducts(device, algorithms);
      open.add(products::close);
      workspace = new LibraryWorkspace(device);
      open.add(workspace::close);
      norms = new NormKernels(device);
      rope = new RopeKernels(device);
      gates = new GateKernels(device);
      elementwise = new ElementwiseKernels(device);
      patches = new PatchKernels(device);
      swaps = new SwapKernels(device);
      quantization = new QuantizeKernels(device);
      video = new VideoKernels(device);
      convolutionKernels = new ConvolutionKernels(device);
      formats = new Formats(memory, quantization, elementwise, types.activation());
      transfers = new Transfers(device, memory, elementwise);
      open.add(transfers::close);
      sums = new SummedLoads(transfers, products, elementwise, memory);
      sampling = new Sampling(device, memory, transfers, elementwise);
      layers = new LinearLayers(device, products, formats, memory, elementwise, types);
      HeadCodeKernels headCodes = new HeadCodeKernels(device, memory);
      codes = new HeadCodes(memory, rope, headCodes);
      attentions =
          new AttentionLayers(
              memory,
              formats,
              elementwise,
              types.activation(),
              new AttentionKernels(device, memory, headCodes),
              new GroupAttentionKernels(device),
              new FusedAttention(workspace),
              new ProductAttention(products, new SoftmaxKernels(device), memory, types.tf32()));
      onClose(attentions::close);
      convolutions =
          new Convolutions(
              workspace,
              products,
              new PatchConvolution(device),
              new GroupConvolution(device),
              convolutionKernels,
              elementwise,
              memory,
              types,
              algorithms);
      onClose(convolutions::close);
      records = new RecordedWork(device);
      onClose(records::close);
      onClose(device::synchronize);
    } catch (RuntimeException | Error e) {
      open.closeAfter(e);
      throw e;
    }
  }

  /// Joins the ranks of a communicator's name, one GPU each, and waits for the others; `failed` is
  /// told a failure of this rank.
  public NcclCollectives join(byte[] name, int ranks, int rank, Consumer<Throwable> failed) {
    return new NcclCollectives(device, name, ranks, rank, failed);
  }

  /// Returns the exchange of `others`, of ranks in this process that tell each other through `host`
  /// where their memory is, with copies beside the kernels for what is begun and awaited.
  public PeerCollectives beside(Collectives others, HostExchange host) {
    return new PeerCollectives(device, others, host);
  }

  /// Begins to compile, beside whatever else runs, the kernels that the networks of a request ask
  /// for whose transformer has this width.
  public void prepareFor(int width) {
    device.prepareFor(width);
  }

  /// Returns the bytes that scopes hold.
  long scopeBytes() {
    return memory.bytes();
  }

  /// Returns the most that they held since this was asked last.
  long mostScopeBytes() {
    return memory.mostBytes();
  }

  /// Gives scopes one range of so many bytes, which a request whose need is known fills without
  /// gaps, or leaves them that of an earlier request where it has no fewer and at most `most`; only
  /// between requests. Too little memory is an `InputException` with the numbers.
  public void reserve(long bytes, long most) {
    memory.reserve(bytes, most);
  }

  /// Returns the bytes of device memory that could be held in all: what is free, and what is held
  /// already.
  public long availableBytes() {
    return device.heap().available() + device.heap().held();
  }

  /// Returns the bytes that a backend takes of any GPU beside tensors: the workspace of products
  /// and, when it reads files, the loader's buffers.
  public static long fixedBytes(boolean readsFiles) {
    return MatrixProducts.WORKSPACE + (readsFiles ? WeightLoader.deviceBytes() : 0);
  }

  /// Returns the bytes that cuDNN's plans may take for their workspace; what they do take is known
  /// only once they are made.
  public static long allowanceBytes() {
    return LibraryWorkspace.MOST;
  }

  /// Returns by how many bytes the GPU's free memory has fallen at most since it was opened, the
  /// code and tables of the libraries included.
  public long driverPeakBytes() {
    return device.heap().driverPeak();
  }

  /// Says whether FP8 products may sum in the matrix units' own, shorter registers, as they do at
  /// first, or in float32; those with block scales always sum their blocks in float32.
  public void sumFast(boolean isFast) {
    layers.sumFast(isFast);
  }

  /// Lets wan4j's attention kernel take every attention that it can, also over so few keys that
  /// cuDNN is faster. For comparisons.
  public void preferOurAttention() {
    attentions.preferOurs();
    device.renew();
  }

  /// Has cuDNN compute every attention that it can, also where wan4j's kernel is faster.
  public void preferLibraryAttention() {
    attentions.preferLibrary();
    device.renew();
  }

  /// Returns what computes attention in heads of a size, with a bias of relative positions or
  /// without: "wan4j", "cuDNN", or "products" for two products around a softmax.
  public String attention(int headSize, boolean isBiased) {
    return attentions.name(headSize, isBiased);
  }

  /// Returns the stream in which all work is queued, a handle of the driver.
  public long stream() {
    return device.stream();
  }

  /// Fills all of a native segment from the device and waits for it.
  void fetch(MemorySegment target, long address) {
    device.copyOut(target, address);
    device.synchronize();
  }

  /// Says whether a failure has left the GPU of no use to this process.
  boolean isBroken() {
    return device.context().isBroken();
  }

  /// Runs a linear layer with adapters, in place of any that it had, from now on.
  void attach(Linear layer, SideStack stack) {
    layers.sides().attach(layer, stack);
    device.renew();
  }

  /// Runs a linear layer without adapters, if it still has these.
  void detach(Linear layer, SideStack stack) {
    layers.sides().detach(layer, stack);
    device.renew();
  }

  /// Records repeated work whose first input has at most so many rows as CUDA graphs, from now on;
  /// 0 for none, as it is at first.
  public void recordUpTo(long rows) {
    recordedRows = rows;
  }

  /// Returns what now decides which work operations become: repeated work is the same work as long
  /// as this stays.
  LaunchState launchState() {
    return new LaunchState(device.generation(), quantization.calibrated());
  }

  DeviceHeap heap() {
    return device.heap();
  }

  QuantizeKernels quantizeKernels() {
    return quantization;
  }

  public LibraryWorkspace workspace() {
    return workspace;
  }

  public Convolutions convolutions() {
    return convolutions;
  }

  public MatrixProducts products() {
    return products;
  }

  ElementwiseKernels elementwiseKernels() {
    return elementwise;
  }

  ConvolutionKernels convolutionKernels() {
    return convolutionKernels;
  }

  /// Begins the load of a whole tensor into device memory, in the target's type; later work sees
  /// it.
  void load(TensorSource source, Tensor target) {
    if (source instanceof SummedSource sum) {
      sums.load(sum, target);
    } else {
      transfers.load(source, target);
    }
  }

  /// Creates what copies weights from other ranks.
  BlockGathers gathers() {
    return new BlockGathers(device);
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
    return memory.scope();
  }

  @Override
  public Tensor empty(DType dtype, long... sizes) {
    return memory.empty(dtype, Shape.of(sizes));
  }

  @Override
  public Parameters parameters(WeightSharing sharing) {
    return new CudaParameters(this, sharing);
  }

  @Override
  public Tensor upload(Tensor host, DType dtype) {
    return transfers.upload(host, dtype);
  }

  @Override
  public Download beginDownload(Tensor tensor) {
    return transfers.beginDownload(tensor);
  }

  @Override
  public void copy(Tensor source, Tensor target) {
    Shapes.copy(source, target);
    transfers.copy(source, target);
  }

  @Override
  public void swap(Tensor x, int first, Tensor target, int at, int count) {
    Shapes.swap(x, first, target, at, count);
    swaps.run(x, first, target, at, count);
  }

  @Override
  public void clear(Tensor target) {
    transfers.clear(target);
  }

  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public long peakBytes() {
    return device.heap().peak();
  }

  // ---- order of work

  @Override
  public void claim() {
    device.context().claim();
  }

  /// Runs work that, recorded or not, is the same: apart from the first time under a key and the
  /// time after that, only queues the same launches with the same addresses as long as
  /// [#launchState] stays: everything else that the host has to do comes before it.
  @Override
  public void repeatable(Object key, List<Tensor> inputs, Runnable work) {
    device.begin();
    quantization.settle();
    if (inputs.getFirst().length(0) <= recordedRows) {
      records.run(key, () -> place(inputs), work);
    } else {
      work.run();
    }
  }

  private RecordedWork.Place place(List<Tensor> inputs) {
    List<Long> addresses = inputs.stream().map(DeviceStorage::address).toList();
    return new RecordedWork.Place(addresses, memory.position(), launchState());
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
    return formats.of(x, want);
  }

  @Override
  public Tensor linear(Operand x, Linear layer, Activation activation) {
    return layers.linear(Shapes.linear(x, layer), x, (CudaLinear) layer, activation);
  }

  @Override
  public void linear(Operand x, Linear layer, Tensor target) {
    Shapes.linear(x, layer, target);
    layers.write(x, (CudaLinear) layer, Activation.NONE, target);
  }

  @Override
  public Operand linear(Operand x, Linear layer, Activation activation, OperandFormat want) {
    return layers.linear(Shapes.linear(x, layer), x, (CudaLinear) layer, activation, want);
  }

  @Override
  public Operand gatedGelu(Tensor x, OperandFormat want) {
    try (RowOutput output = formats.output(Shapes.gatedGelu(x), want)) {
      gates.gatedGelu(x, output);
      return output.finish();
    }
  }

  @Override
  public Tensor activate(Tensor x, Activation function) {
    Tensor target = memory.empty(x.dtype(), Shapes.activate(x));
    elementwise.convert(x, target, function);
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
    return changedModulatedNorm(x, null, shift, scale, rows, epsilon, want);
  }

  @Override
  public Operand layerNorm(
      Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    return changedLayerNorm(x, null, weight, bias, epsilon, want);
  }

  @Override
  public Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want) {
    try (RowOutput output = formats.output(Shapes.rmsNorm(x, weight), want)) {
      norms.rmsNorm(x, weight, epsilon, output);
      return output.finish();
    }
  }

  @Override
  public AttentionInput attentionInput(
      AttentionFormat want, int heads, Tensor spare, SequenceGroup group) {
    Shapes.attentionInput(heads, spare, activation());
    return AttentionInput.within(this, want, heads, spare, group);
  }

  @Override
  public void queryKeyValue(
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor rope,
      SequenceGroup group,
      AttentionInput target) {
    Shapes.queryKeyValue(qkv, queryWeight, keyWeight, rope, target);
    try (Scope _ = memory.scope()) {
      Tensor values = formats.as(activation(), qkv);
      Tensor ownKeyWeight = formats.as(queryWeight.dtype(), keyWeight);
      switch (target) {
        case Heads heads ->
            this.rope.queryKeyValue(values, queryWeight, ownKeyWeight, epsilon, rope, heads);
        case QuantizedHeads heads ->
            codes.queryKeyValue(
                this, values, queryWeight, ownKeyWeight, epsilon, rope, group, heads);
      }
    }
  }

  @Override
  public void writeHeads(Heads source, SequenceGroup group, AttentionInput target) {
    Shapes.writeHeads(source, target);
    switch (target) {
      case Heads heads -> {
        transfers.copy(source.query(), heads.query());
        transfers.copy(source.key(), heads.key());
        transfers.copy(source.value(), heads.value());
      }
      case QuantizedHeads heads -> codes.write(this, source, group, heads);
    }
  }

  @Override
  public Operand attention(AttentionInput input, double scale, OperandFormat want) {
    Shape shape = Shapes.attention(input);
    return switch (input) {
      case Heads heads -> attentions.attention(shape, heads, scale, want);
      case QuantizedHeads heads -> attentions.ownAttention(shape, heads, null, scale, want);
    };
  }

  @Override
  public Operand attention(
      AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want) {
    Shape shape = Shapes.attention(input, blocks);
    return attentions.ownAttention(shape, input, blocks, scale, want);
  }

  /// Writes attention of heads of 64 or 128 as `attention` does, by wan4j's kernel even where cuDNN
  /// is faster, to bfloat16 `target [queries, heads, head size]`. For comparisons.
  public void attentionByKernel(Heads heads, double scale, Tensor target) {
    Shapes.attention(heads);
    attentions.attendByKernel(heads, scale, target);
  }

  /// Writes attention as `attention` does, through cuDNN even where wan4j's is faster, to bfloat16
  /// `target [queries, heads, head size]`. For comparisons.
  public void attentionByLibrary(Heads heads, double scale, Tensor target) {
    Shapes.attention(heads);
    attentions.attendByLibrary(heads, scale, target);
  }

  @Override
  public Operand groupedAttention(
      Heads heads, Tensor rows, int keys, double scale, OperandFormat want) {
    Shape shape = Shapes.groupedAttention(heads, rows, keys);
    return attentions.groupedAttention(shape, heads, rows, keys, scale, want);
  }

  @Override
  public Operand relativeAttention(
      AttentionInput input, Tensor bias, int keys, OperandFormat want) {
    Shape shape = Shapes.relativeAttention(input, bias, keys);
    return switch (input) {
      case Heads heads -> attentions.relativeAttention(shape, heads, bias, keys, want);
      case QuantizedHeads heads -> throw new IllegalArgumentException(heads.withoutBias());
    };
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
  public Operand modulatedNorm(
      Tensor x,
      Change change,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      OperandFormat want) {
    Shapes.add(x, change);
    return changedModulatedNorm(x, change, shift, scale, rows, epsilon, want);
  }

  private Operand changedModulatedNorm(
      Tensor x,
      Change change,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      OperandFormat want) {
    Shape shape = Shapes.modulatedNorm(x, shift, scale, rows);
    try (RowOutput output = formats.output(shape, want)) {
      norms.modulatedNorm(x, change, shift, scale, rows, epsilon, output);
      return output.finish();
    }
  }

  @Override
  public Operand layerNorm(
      Tensor x, Change change, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    Shapes.add(x, change);
    return changedLayerNorm(x, change, weight, bias, epsilon, want);
  }

  private Operand changedLayerNorm(
      Tensor x, Change change, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    try (RowOutput output = formats.output(Shapes.layerNorm(x, weight, bias), want)) {
      try (Scope _ = memory.scope()) {
        norms.layerNorm(x, change, weight, formats.as(weight.dtype(), bias), epsilon, output);
      }
      return output.finish();
    }
  }

  @Override
  public Operand patchify(List<Tensor> latents, OperandFormat want) {
    Shape shape = Shapes.patchify(latents);
    if (want == OperandFormat.Simple.FLOAT32) {
      Tensor target = memory.empty(DType.F32, shape);
      patches.patchify(latents, target);
      return new Operand.Plain(target);
    }
    return formats.written(shape, want, target -> patches.patchify(latents, target));
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
      Tensor added = addend == null ? null : formats.as(activation(), addend);
      convolutions.run(formats.as(activation(), x), (CudaConvolution) layer, window, added, own);
      if (own != target) {
        elementwise.convert(own, target, Activation.NONE);
      }
    }
  }

  /// Writes a convolution of 3 x 3 or 3 x 3 x 3 in bfloat16 as `convolution` does, by the kernel of
  /// ours even where cuDNN is faster; `addend` is null for none. For comparisons.
  public void convolutionByPatches(Tensor x, Convolution layer, Tensor addend, Tensor target) {
    VideoShapes.convolution(x, layer, Window.SAME_3X3, target);
    convolutions.runPatches(x, (CudaConvolution) layer, addend, target);
  }

  /// Writes a convolution as `convolution` does, through cuDNN even where wan4j's kernel is faster;
  /// `addend` is null for none. For comparisons.
  public void convolutionByLibrary(
      Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    convolutions.runOthers(x, (CudaConvolution) layer, window, addend, target);
  }

  @Override
  public void normalisedConvolution(
      Tensor x, Convolution layer, Window window, Tensor gamma, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    VideoShapes.channelNorm(target, gamma, target);
    if (!convolutions.runNormalised(x, (CudaConvolution) layer, window, gamma, target)) {
      Ops.super.normalisedConvolution(x, layer, window, gamma, target);
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
    attentions.frameAttention(qkv, target);
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
    sampling.linearCombination(target, coefficients, terms);
  }

  @Override
  public RowStatistics compareRows(Tensor current, Tensor previous) {
    Shapes.compareRows(current, previous);
    return sampling.compareRows(current, previous);
  }

  private void onClose(Runnable giveBack) {
    open.add(() -> device.context().release(giveBack));
  }

  @Override
  public void close() {
    device.context().requireUser();
    open.close();
  }
}
