package wan4j.ops.plan;

import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Convolution;
import wan4j.ops.Download;
import wan4j.ops.Heads;
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
import wan4j.ops.backend.Placement;
import wan4j.ops.backend.SideLayers;
import wan4j.ops.check.Shapes;
import wan4j.ops.check.VideoShapes;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The backend that computes nothing: it checks shapes and counts bytes, so that a full-size
/// network can be built and run on shapes alone and the memory of a request is known beforehand.
public final class NullOps implements Ops {
  private final DType activation;
  private final DType residual;
  private final NullMemory memory;
  private final DeviceTemporaries temporaries; // null for a backend that has none
  private final SideLayers sides = new SideLayers();

  private NullOps(DType activation, DType residual, Placement placement, boolean isDevice) {
    this.activation = activation;
    this.residual = residual;
    memory = new NullMemory(placement);
    temporaries = isDevice ? new DeviceTemporaries(memory, activation) : null;
  }

  /// Creates a backend with the element types of the one that it stands for, which rounds every
  /// tensor up to `alignment` bytes.
  public NullOps(DType activation, DType residual, long alignment) {
    this(activation, residual, new Placement(alignment, 1), false);
  }

  /// Creates a backend that stands for a GPU's in all that takes memory: where tensors lie, what
  /// operations need for themselves, and ranges of the driver that weights fill.
  public static NullOps device(DType activation, DType residual) {
    return new NullOps(activation, residual, Placement.DEVICE, true);
  }

  /// Creates a backend that stands for the CPU's.
  public NullOps() {
    this(DType.F32, DType.F32, 64);
  }

  /// Returns the bytes that are in use now, weights included.
  public long liveBytes() {
    return memory.liveBytes();
  }

  /// Returns the largest number of bytes that weights filled at once.
  public long mostWeightBytes() {
    return memory.mostWeightBytes();
  }

  /// Returns the largest number of bytes that scopes held at once.
  public long mostScopeBytes() {
    return memory.mostLiveBytes();
  }

  /// Returns the bytes that scopes hold.
  long scopeBytes() {
    return memory.scopeBytes();
  }

  /// Returns the most that they held since this was asked last.
  long recentScopeBytes() {
    return memory.recentLiveBytes();
  }

  @Override
  public DType activation() {
    return activation;
  }

  @Override
  public DType residual() {
    return residual;
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
    return new NullParameters(memory, activation, temporaries, sides, sharing);
  }

  @Override
  public Tensor upload(Tensor host, DType dtype) {
    DType kept = host.dtype().isFloat() ? dtype : host.dtype();
    Tensor result = memory.empty(kept, host.shape());
    if (temporaries != null && kept != host.dtype()) {
      temporaries.passing(host.dtype(), host.shape());
    }
    return result;
  }

  /// Gives zeros, which take memory when they are read.
  @Override
  public Download beginDownload(Tensor tensor) {
    Tensor zeros = Tensor.zeros(tensor.dtype(), tensor.shape());
    return () -> zeros;
  }

  @Override
  public void copy(Tensor source, Tensor target) {
    Shapes.copy(source, target);
  }

  @Override
  public void swap(Tensor x, int first, Tensor target, int at, int count) {
    Shapes.swap(x, first, target, at, count);
  }

  @Override
  public void clear(Tensor target) {
    Shapes.value("clear", "target", target);
  }

  @Override
  public void synchronize() {
    // there is nothing to wait for
  }

  @Override
  public long peakBytes() {
    return memory.peakBytes();
  }

  @Override
  public void claim() {
    // nothing runs
  }

  @Override
  public Tensor embedding(Tensor table, Tensor ids) {
    return memory.empty(residual, Shapes.embedding(table, ids));
  }

  @Override
  public Operand operand(Tensor x, OperandFormat want) {
    Shape shape = Shapes.operand(x);
    if (x.dtype() == plainType(want)) {
      return new Operand.Plain(x);
    }
    Operand result = result(shape, want);
    if (temporaries != null) {
      temporaries.operand(shape, want);
    }
    return result;
  }

  @Override
  public Tensor linear(Operand x, Linear layer, Activation function) {
    Shape shape = Shapes.linear(x, layer);
    Tensor result = memory.empty(resultType(layer), shape);
    if (temporaries != null) {
      temporaries.product(productType(layer), result, x, sides.of(layer));
    }
    return result;
  }

  @Override
  public void linear(Operand x, Linear layer, Tensor target) {
    Shapes.linear(x, layer, target);
    if (temporaries != null) {
      temporaries.product(productType(layer), target, x, sides.of(layer));
    }
  }

  @Override
  public Operand linear(Operand x, Linear layer, Activation function, OperandFormat want) {
    if (temporaries == null) {
      return as(Shapes.linear(x, layer), want);
    }
    if (plainType(want) == productType(layer)) {
      return new Operand.Plain(linear(x, layer, function));
    }
    Shape shape = Shapes.linear(x, layer);
    Operand result = result(shape, want);
    temporaries.product(productType(layer), shape, want, x, sides.of(layer));
    return result;
  }

  @Override
  public Operand gatedGelu(Tensor x, OperandFormat want) {
    return as(Shapes.gatedGelu(x), want);
  }

  @Override
  public Tensor activate(Tensor x, Activation function) {
    return memory.empty(x.dtype(), Shapes.activate(x));
  }

  @Override
  public Tensor modulation(Tensor table, Tensor timestep) {
    return memory.empty(DType.F32, Shapes.modulation(table, timestep));
  }

  @Override
  public Operand modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, OperandFormat want) {
    return as(Shapes.modulatedNorm(x, shift, scale, rows), want);
  }

  @Override
  public Operand layerNorm(
      Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    return as(Shapes.layerNorm(x, weight, bias), want);
  }

  @Override
  public Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want) {
    return as(Shapes.rmsNorm(x, weight), want);
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
    if (temporaries != null && target instanceof QuantizedHeads heads) {
      temporaries.queryKeyValue(heads);
    }
  }

  @Override
  public void writeHeads(Heads source, SequenceGroup group, AttentionInput target) {
    Shapes.writeHeads(source, target);
    if (temporaries != null && target instanceof QuantizedHeads heads) {
      temporaries.codes(heads);
    }
  }

  @Override
  public Operand attention(AttentionInput input, double scale, OperandFormat want) {
    return attention(input, Shapes.attention(input), want, false, false);
  }

  @Override
  public Operand attention(
      AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want) {
    return attention(input, Shapes.attention(input, blocks), want, false, true);
  }

  @Override
  public Operand groupedAttention(
      Heads heads, Tensor rows, int keys, double scale, OperandFormat want) {
    Operand result = result(Shapes.groupedAttention(heads, rows, keys), want);
    if (temporaries != null) {
      temporaries.groupedAttention(result.values().shape(), want);
    }
    return result;
  }

  @Override
  public Operand relativeAttention(
      AttentionInput input, Tensor bias, int keys, OperandFormat want) {
    return attention(input, Shapes.relativeAttention(input, bias, keys), want, true, false);
  }

  private Operand attention(
      AttentionInput input, Shape shape, OperandFormat want, boolean isBiased, boolean isListed) {
    Operand result = result(shape, want);
    if (temporaries != null) {
      temporaries.attention(input, shape, want, isBiased, isListed);
    }
    return result;
  }

  @Override
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    Shapes.gatedAdd(x, y, gate, rows);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    Shapes.add(x, y);
  }

  @Override
  public Operand patchify(List<Tensor> latents, OperandFormat want) {
    return as(Shapes.patchify(latents), want);
  }

  @Override
  public Tensor unpatchify(Tensor tokens, int frames, int height, int width) {
    return memory.empty(DType.F32, Shapes.unpatchify(tokens, frames, height, width));
  }

  @Override
  public Tensor channelsLast(Tensor x, Tensor factor, Tensor offset) {
    return values(VideoShapes.channelsLast(x, factor, offset));
  }

  @Override
  public Tensor channelsFirst(Tensor features, Tensor factor, Tensor offset) {
    return memory.empty(DType.F32, VideoShapes.channelsFirst(features, factor, offset));
  }

  @Override
  public Tensor pixels(Tensor features) {
    return memory.empty(DType.U8, VideoShapes.pixels(features));
  }

  @Override
  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    VideoShapes.channelNorm(x, gamma, target);
  }

  @Override
  public void convolution(Tensor x, Convolution layer, Window window, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    if (temporaries != null) {
      temporaries.convolution(layer, window, false, x.shape(), target.shape());
    }
  }

  @Override
  public void convolution(
      Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    VideoShapes.convolution(x, layer, window, addend);
    if (temporaries != null) {
      temporaries.convolution(layer, window, true, x.shape(), target.shape());
    }
  }

  @Override
  public void normalisedConvolution(
      Tensor x, Convolution layer, Window window, Tensor gamma, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    VideoShapes.channelNorm(target, gamma, target);
    if (temporaries != null) {
      temporaries.normalisedConvolution(layer, window, x.shape(), target.shape());
    }
  }

  @Override
  public Tensor upsample(Tensor x) {
    return values(VideoShapes.upsample(x));
  }

  @Override
  public Tensor unfoldFrames(Tensor x) {
    return values(VideoShapes.unfoldFrames(x));
  }

  @Override
  public Tensor frameAttention(Tensor qkv) {
    Tensor result = values(VideoShapes.frameAttention(qkv));
    if (temporaries != null) {
      temporaries.frameAttention((long) qkv.length(1) * qkv.length(2));
    }
    return result;
  }

  @Override
  public Tensor averageDown(Tensor x, int time, int space, int channels) {
    return values(VideoShapes.averageDown(x, time, space, channels));
  }

  @Override
  public Tensor duplicateUp(Tensor x, int time, int space, int channels, int skip) {
    return values(VideoShapes.duplicateUp(x, time, space, channels, skip));
  }

  @Override
  public Tensor foldPixels(Tensor x) {
    return values(VideoShapes.foldPixels(x));
  }

  @Override
  public Tensor unfoldPixels(Tensor x) {
    return values(VideoShapes.unfoldPixels(x));
  }

  @Override
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    Shapes.linearCombination(target, coefficients, terms);
  }

  /// Returns the statistics of rows that are the same.
  @Override
  public RowStatistics compareRows(Tensor current, Tensor previous) {
    Shapes.compareRows(current, previous);
    if (temporaries != null) {
      temporaries.passing(DType.F32, Shape.of(current.length(0), 3)); // sums of each row
    }
    return new RowStatistics(1, 0, 0);
  }

  @Override
  public void close() {
    // there is nothing to free
  }

  private Tensor values(Shape shape) {
    return memory.empty(activation, shape);
  }

  /// The type of a plain format's elements, or null for a quantised format.
  private DType plainType(OperandFormat format) {
    return format == OperandFormat.Simple.PLAIN
        ? activation
        : format == OperandFormat.Simple.FLOAT32 ? DType.F32 : null;
  }

  private DType resultType(Linear layer) {
    boolean isFloat32 =
        layer instanceof NullParameters.Layer own && own.precision() == Precision.FLOAT32;
    return isFloat32 ? DType.F32 : activation;
  }

  /// The type in which a GPU writes a layer's product.
  private DType productType(Linear layer) {
    boolean isFloat8 = layer instanceof NullParameters.Layer own && own.precision().isFloat8();
    return isFloat8 ? DType.BF16 : resultType(layer);
  }

  /// What a kernel writes row by row.
  private Operand as(Shape shape, OperandFormat want) {
    Operand result = result(shape, want);
    if (temporaries != null) {
      temporaries.rows(shape, want);
    }
    return result;
  }

  private Operand result(Shape shape, OperandFormat want) {
    if (want == OperandFormat.Simple.PLAIN) {
      return new Operand.Plain(values(shape));
    }
    if (want == OperandFormat.Simple.FLOAT32) {
      return new Operand.Plain(memory.empty(DType.F32, shape));
    }
    Tensor scales = memory.empty(DType.F32, Shapes.inverseScales(shape, want));
    return new Operand.Quantized(memory.empty(DType.F8_E4M3, shape), scales, want);
  }
}
