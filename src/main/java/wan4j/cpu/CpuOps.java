package wan4j.cpu;

import java.lang.foreign.Arena;
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
import wan4j.ops.backend.SideLayers;
import wan4j.ops.backend.SideStack;
import wan4j.ops.check.Shapes;
import wan4j.ops.check.VideoShapes;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The waist on the processors of this machine, in float32 throughout.
public final class CpuOps implements Ops {
  private final CpuMemory memory = new CpuMemory();
  private final Float8Rows float8 = new Float8Rows(memory);
  private final HeadCodes codes = new HeadCodes(memory);
  private final SideLayers sides = new SideLayers();
  private final Workers workers;
  private final Kernels kernels;
  private final Gemm gemm; // null for the plain loops

  private CpuOps(Workers workers, Kernels kernels, Gemm gemm) {
    this.workers = workers;
    this.kernels = kernels;
    this.gemm = gemm;
  }

  private CpuOps(Workers workers, Gemm gemm) {
    this(workers, new FastKernels(workers, gemm), gemm);
  }

  /// Creates the fast form.
  public CpuOps() {
    this(Gemm.best());
  }

  /// Creates the fast form over a certain matrix product.
  CpuOps(Gemm gemm) {
    this(new Workers(), gemm);
  }

  /// Creates the form that computes everything in plain loops: the reference that other forms and
  /// backends are tested against.
  public static CpuOps scalar() {
    return new CpuOps(new Workers(), Kernels.SCALAR, null);
  }

  // ---- memory

  /// Says whether matrix products go through OpenBLAS; without it they go through the Vector API,
  /// about four times slower.
  public static boolean hasBlas() {
    return OpenBlas.isPresent();
  }

  @Override
  public DType activation() {
    return DType.F32;
  }

  @Override
  public DType residual() {
    return DType.F32;
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
    return new CpuParameters(memory, float8, sides, gemm, sharing);
  }

  @Override
  public Tensor upload(Tensor host, DType dtype) {
    Tensor copy = memory.empty(host.dtype().isFloat() ? dtype : host.dtype(), host.shape());
    Floats.convert(host.segment(), host.dtype(), copy.segment(), copy.dtype(), host.count());
    return copy;
  }

  @Override
  public Download beginDownload(Tensor tensor) {
    var copy = Arena.ofAuto().allocate(Math.max(tensor.bytes(), 1), 64).asSlice(0, tensor.bytes());
    copy.copyFrom(tensor.segment());
    Tensor whole = new Tensor(tensor.shape(), tensor.dtype(), new HostStorage(copy));
    return () -> whole;
  }

  @Override
  public void copy(Tensor source, Tensor target) {
    Shapes.copy(source, target);
    Floats.convert(
        source.segment(), source.dtype(), target.segment(), target.dtype(), source.count());
  }

  @Override
  public void swap(Tensor x, int first, Tensor target, int at, int count) {
    Shapes.swap(x, first, target, at, count);
    Rearrangements.swap(x, first, target, at, count);
  }

  @Override
  public void clear(Tensor target) {
    target.segment().fill((byte) 0);
  }

  @Override
  public void synchronize() {
    // every operation has finished when it returns
  }

  @Override
  public long peakBytes() {
    return memory.peakBytes();
  }

  @Override
  public void claim() {
    memory.claim();
  }

  // ---- layers of transformers

  @Override
  public Tensor embedding(Tensor table, Tensor ids) {
    Tensor target = result(Shapes.embedding(table, ids));
    kernels.embedding(table, ids, target);
    return target;
  }

  @Override
  public Operand operand(Tensor x, OperandFormat want) {
    Shapes.operand(x);
    return as(float32(x), want);
  }

  @Override
  public Tensor linear(Operand x, Linear layer, Activation activation) {
    Tensor target = result(Shapes.linear(x, layer));
    multiply(x, layer, activation, target);
    return target;
  }

  @Override
  public void linear(Operand x, Linear layer, Tensor target) {
    Shapes.linear(x, layer, target);
    if (target.dtype() == DType.F32) {
      multiply(x, layer, Activation.NONE, target);
      return;
    }
    try (Scope _ = memory.scope()) {
      copy(linear(x, layer, Activation.NONE), target);
    }
  }

  private void multiply(Operand x, Linear layer, Activation activation, Tensor target) {
    try (Scope _ = memory.scope()) {
      Tensor values =
          switch (x) {
            case Operand.Plain plain -> float32(plain.values());
            case Operand.Quantized quantized -> float8.dequantize(quantized);
          };
      CpuLinear own = (CpuLinear) layer;
      SideStack side = sides.of(own);
      if (side == null) {
        kernels.linear(values, own, activation, target);
      } else {
        kernels.linear(values, own.withBias(side.bias()), Activation.NONE, target);
        side.chains().forEach(chain -> addChain(values, chain, target));
        if (activation != Activation.NONE) {
          kernels.activate(target, activation, target);
        }
      }
    }
  }

  private void addChain(Tensor x, List<Tensor> chain, Tensor target) {
    Tensor values = x;
    for (Tensor weight : chain) {
      Tensor none = memory.empty(DType.F32, Shape.of(weight.shape().size(0)));
      clear(none);
      Tensor next = memory.empty(DType.F32, Shape.of(x.shape().size(0), none.count()));
      kernels.linear(values, new CpuLinear(weight, null, none, List.of()), Activation.NONE, next);
      values = next;
    }
    kernels.add(target, values);
  }

  @Override
  public Operand linear(Operand x, Linear layer, Activation activation, OperandFormat want) {
    return as(linear(x, layer, activation), want);
  }

  @Override
  public Operand gatedGelu(Tensor x, OperandFormat want) {
    Tensor target = result(Shapes.gatedGelu(x));
    kernels.gatedGelu(float32(x), target);
    return as(target, want);
  }

  @Override
  public Tensor activate(Tensor x, Activation function) {
    Tensor target = result(Shapes.activate(x));
    kernels.activate(float32(x), function, target);
    return target;
  }

  @Override
  public Tensor modulation(Tensor table, Tensor timestep) {
    Tensor target = result(Shapes.modulation(table, timestep));
    kernels.modulation(table, timestep, target);
    return target;
  }

  @Override
  public Operand modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, OperandFormat want) {
    Tensor target = result(Shapes.modulatedNorm(x, shift, scale, rows));
    kernels.modulatedNorm(float32(x), shift, scale, rows, epsilon, target);
    return as(target, want);
  }

  @Override
  public Operand layerNorm(
      Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    Tensor target = result(Shapes.layerNorm(x, weight, bias));
    kernels.layerNorm(float32(x), float32(weight), float32(bias), epsilon, target);
    return as(target, want);
  }

  @Override
  public Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want) {
    Tensor target = result(Shapes.rmsNorm(x, weight));
    kernels.rmsNorm(float32(x), float32(weight), epsilon, target);
    return as(target, want);
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
      Heads heads =
          switch (target) {
            case Heads plain -> plain;
            case QuantizedHeads narrow -> {
              Shape shape = narrow.query().shape();
              yield new Heads(result(shape), result(shape), result(shape));
            }
          };
      kernels.queryKeyValue(
          float32(qkv), float32(queryWeight), float32(keyWeight), epsilon, rope, heads);
      if (target instanceof QuantizedHeads narrow) {
        codes.write(this, heads, group, narrow);
      }
    }
  }

  @Override
  public void writeHeads(Heads source, SequenceGroup group, AttentionInput target) {
    Shapes.writeHeads(source, target);
    switch (target) {
      case Heads heads -> {
        copy(source.query(), heads.query());
        copy(source.key(), heads.key());
        copy(source.value(), heads.value());
      }
      case QuantizedHeads narrow -> {
        try (Scope _ = memory.scope()) {
          codes.write(this, heads(source), group, narrow);
        }
      }
    }
  }

  @Override
  public Operand attention(AttentionInput input, double scale, OperandFormat want) {
    Tensor target = result(Shapes.attention(input));
    try (Scope _ = memory.scope()) {
      kernels.attention(heads(input), scale, target);
    }
    return as(target, want);
  }

  @Override
  public Operand attention(
      AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want) {
    Tensor target = result(Shapes.attention(input, blocks));
    try (Scope _ = memory.scope()) {
      int queries = KeyBlocks.queries(input.format());
      ListedAttention.run(memory, kernels, heads(input), blocks, queries, scale, target);
    }
    return as(target, want);
  }

  @Override
  public Operand groupedAttention(
      Heads heads, Tensor rows, int keys, double scale, OperandFormat want) {
    Tensor target = result(Shapes.groupedAttention(heads, rows, keys));
    kernels.groupedAttention(heads(heads), rows, keys, scale, target);
    return as(target, want);
  }

  @Override
  public Operand relativeAttention(
      AttentionInput input, Tensor bias, int keys, OperandFormat want) {
    Tensor target = result(Shapes.relativeAttention(input, bias, keys));
    if (input instanceof QuantizedHeads narrow) {
      throw new IllegalArgumentException(narrow.withoutBias());
    }
    kernels.relativeAttention(heads(input), bias, keys, target);
    return as(target, want);
  }

  @Override
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    Shapes.gatedAdd(x, y, gate, rows);
    kernels.gatedAdd(written(x), float32(y), gate, rows);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    Shapes.add(x, y);
    kernels.add(written(x), float32(y));
  }

  @Override
  public Operand patchify(List<Tensor> latents, OperandFormat want) {
    Tensor target = result(Shapes.patchify(latents));
    kernels.patchify(latents, target);
    return as(target, want);
  }

  @Override
  public Tensor unpatchify(Tensor tokens, int frames, int height, int width) {
    Tensor target = result(Shapes.unpatchify(tokens, frames, height, width));
    kernels.unpatchify(float32(tokens), target);
    return target;
  }

  // ---- layers of video autoencoders

  @Override
  public Tensor channelsLast(Tensor x, Tensor factor, Tensor offset) {
    Tensor target = result(VideoShapes.channelsLast(x, factor, offset));
    kernels.channelsLast(x, factor, offset, target);
    return target;
  }

  @Override
  public Tensor channelsFirst(Tensor features, Tensor factor, Tensor offset) {
    Tensor target = result(VideoShapes.channelsFirst(features, factor, offset));
    kernels.channelsFirst(float32(features), factor, offset, target);
    return target;
  }

  @Override
  public Tensor pixels(Tensor features) {
    Tensor target = memory.empty(DType.U8, VideoShapes.pixels(features));
    kernels.pixels(float32(features), target);
    return target;
  }

  @Override
  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    VideoShapes.channelNorm(x, gamma, target);
    kernels.channelNorm(float32(x), float32(gamma), silu, written(target));
  }

  @Override
  public void convolution(Tensor x, Convolution layer, Window window, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    kernels.convolution(float32(x), (CpuConvolution) layer, window, null, written(target));
  }

  @Override
  public void convolution(
      Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    VideoShapes.convolution(x, layer, window, target);
    VideoShapes.convolution(x, layer, window, addend);
    Tensor added = float32(addend);
    kernels.convolution(float32(x), (CpuConvolution) layer, window, added, written(target));
  }

  @Override
  public Tensor upsample(Tensor x) {
    Tensor target = result(VideoShapes.upsample(x));
    kernels.upsample(float32(x), target);
    return target;
  }

  @Override
  public Tensor unfoldFrames(Tensor x) {
    Tensor target = result(VideoShapes.unfoldFrames(x));
    kernels.unfoldFrames(float32(x), target);
    return target;
  }

  @Override
  public Tensor frameAttention(Tensor qkv) {
    Tensor target = result(VideoShapes.frameAttention(qkv));
    kernels.frameAttention(float32(qkv), target);
    return target;
  }

  @Override
  public Tensor averageDown(Tensor x, int time, int space, int channels) {
    Tensor target = result(VideoShapes.averageDown(x, time, space, channels));
    kernels.averageDown(float32(x), time, space, target);
    return target;
  }

  @Override
  public Tensor duplicateUp(Tensor x, int time, int space, int channels, int skip) {
    Tensor target = result(VideoShapes.duplicateUp(x, time, space, channels, skip));
    kernels.duplicateUp(float32(x), time, space, skip, target);
    return target;
  }

  @Override
  public Tensor foldPixels(Tensor x) {
    Tensor target = result(VideoShapes.foldPixels(x));
    kernels.foldPixels(float32(x), target);
    return target;
  }

  @Override
  public Tensor unfoldPixels(Tensor x) {
    Tensor target = result(VideoShapes.unfoldPixels(x));
    kernels.unfoldPixels(float32(x), target);
    return target;
  }

  // ---- sampling and caches

  @Override
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    Shapes.linearCombination(target, coefficients, terms);
    List<Tensor> values = terms.stream().map(this::float32).toList();
    kernels.linearCombination(written(target), coefficients, values);
  }

  @Override
  public RowStatistics compareRows(Tensor current, Tensor previous) {
    Shapes.compareRows(current, previous);
    return kernels.compareRows(float32(current), float32(previous));
  }

  @Override
  public void close() {
    workers.close();
    memory.close();
  }

  private Tensor result(Shape shape) {
    return memory.empty(DType.F32, shape);
  }

  /// Returns queries, keys and values in float32.
  private Heads heads(AttentionInput input) {
    return switch (input) {
      case Heads heads ->
          new Heads(float32(heads.query()), float32(heads.key()), float32(heads.value()));
      case QuantizedHeads narrow -> codes.dequantized(narrow);
    };
  }

  private Tensor float32(Tensor x) {
    return x.dtype() == DType.F32 ? x : upload(x, DType.F32);
  }

  private static Tensor written(Tensor x) {
    if (x.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          "got " + x + " to write to, expected F32: the CPU backend computes in float32");
    }
    return x;
  }

  private Operand as(Tensor x, OperandFormat want) {
    boolean isPlain = want == OperandFormat.Simple.PLAIN || want == OperandFormat.Simple.FLOAT32;
    return isPlain ? new Operand.Plain(x) : float8.quantize(x, want);
  }
}
