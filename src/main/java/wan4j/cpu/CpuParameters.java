package wan4j.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.OperandFormat;
import wan4j.ops.SideBranch;
import wan4j.ops.WeightSharing;
import wan4j.ops.backend.SharedWeights;
import wan4j.ops.backend.SharingParameters;
import wan4j.ops.backend.SideLayers;
import wan4j.ops.backend.SideStack;
import wan4j.ops.check.ConvolutionShapes;
import wan4j.ops.check.LinearShapes;
import wan4j.quant.Branch;
import wan4j.quant.DelayedScalingState;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Granularity;
import wan4j.quant.Precision;
import wan4j.quant.StoredFloat8;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Weights in native memory. Linear layers that are stored in bfloat16 stay so: a matrix product
/// widens them piece by piece, without loss. FP8 layers are quantised once, here.
final class CpuParameters implements SharingParameters {
  private static final long PIECE = 4L << 20; // bytes that a thread reads at a time
  private static final long ALIGNMENT = 64;

  private final CpuMemory memory;
  private final Float8Rows float8;
  private final SideLayers sides;
  private final Gemm gemm;
  private final List<Tensor> states = new ArrayList<>();
  private final List<Runnable> undoing = new ArrayList<>();
  private final Arena arena = Arena.ofShared();
  private final SharedWeights shared;
  private final BackgroundCopies gathers; // null where nothing is sharded
  private long bytes;

  /// Creates a home that ranks share as `sharing` says; sums are computed by `gemm`, or by the
  /// plain loops of their sources when that is null.
  CpuParameters(
      CpuMemory memory, Float8Rows float8, SideLayers sides, Gemm gemm, WeightSharing sharing) {
    this.memory = memory;
    this.gemm = gemm;
    this.float8 = float8;
    this.sides = sides;
    shared = new SharedWeights(sharing, new SharedHome());
    gathers = sharing.isSharded() ? new BackgroundCopies(SharedWeights.BUFFERS) : null;
  }

  /// What ranks share, in host memory that all can read.
  private final class SharedHome implements SharedWeights.Home {
    @Override
    public Tensor allocate(DType dtype, Shape shape) {
      return CpuParameters.this.allocate(dtype, shape);
    }

    @Override
    public void copy(Tensor theirs, Tensor own) {
      own.segment().copyFrom(theirs.segment());
    }

    @Override
    public void synchronize() {
      // every operation has finished when it returns
    }

    @Override
    public void gather(int buffer, List<SharedWeights.Move> moves) {
      gathers.begin(buffer, () -> moves.forEach(move -> copy(move.theirs(), move.own())));
    }

    @Override
    public void await(int buffer) {
      gathers.await(buffer);
    }

    @Override
    public void finish(int buffer) {
      gathers.await(buffer);
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
      read(source, tensor.segment(), kept);
    }
    return tensor;
  }

  @Override
  public Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision) {
    LinearShapes shapes = LinearShapes.of(weights, biases);
    shared.begin(weights.stream().mapToLong(TensorSource::bytes).sum());
    Tensor bias = shared.whole(DType.F32, Shape.of(shapes.outputs()));
    if (!biases.isEmpty() && shared.isMaker()) {
      stack(biases, bias);
    }
    if (precision.isFloat8()) {
      Granularity granularity = precision.weightGranularity();
      Tensor weight = shared.matrix(DType.F8_E4M3, shapes.weight());
      Tensor inverse =
          shared.matrix(
              DType.F32, Shape.of(granularity.scaleSizes(shapes.outputs(), shapes.inputs())));
      if (shared.isMaker()) {
        quantize(weights, granularity, precision, weight, inverse);
      }
      return new CpuLinear(weight, inverse, bias, formats(precision));
    }
    boolean isBFloat16 = weights.stream().allMatch(weight -> weight.dtype() == DType.BF16);
    Tensor weight = shared.matrix(isBFloat16 ? DType.BF16 : DType.F32, shapes.weight());
    if (shared.isMaker()) {
      stack(weights, weight);
    }
    return new CpuLinear(weight, null, bias, formats(precision));
  }

  /// Stores codes and inverse scales as the checkpoint has them, or quantises.
  private void quantize(
      List<TensorSource> weights,
      Granularity granularity,
      Precision precision,
      Tensor codes,
      Tensor inverse) {
    StoredFloat8 stored = StoredFloat8.of(weights, granularity);
    if (stored != null) {
      stack(stored.codes(), codes);
      inverse.segment().copyFrom(stored.inverseScales().segment());
      return;
    }
    try (Arena temporary = Arena.ofShared()) {
      // from bfloat16, as Transformer Engine sees the weights of a bfloat16 model
      Tensor plain = allocate(temporary, DType.BF16, codes.shape());
      stack(weights, plain);
      Float8Rows.quantize(plain, granularity, precision.scaleRule(), codes, inverse);
    }
  }

  @Override
  public Float8Matrix codes(Linear layer) {
    shared.requireWhole();
    if (layer instanceof CpuLinear own && own.inverseScales() != null) {
      return new Float8Matrix(own.weight(), own.inverseScales(), own.granularity());
    }
    throw new IllegalArgumentException(
        "codes: the layer is not in FP8; load it in an FP8 precision");
  }

  /// Returns the input formats of the branches.
  private List<OperandFormat> formats(Precision precision) {
    if (precision == Precision.FLOAT8_DELAYED && !shared.isMeasuring()) {
      return Stream.of(Branch.values()).<OperandFormat>map(_ -> delayed()).toList();
    }
    OperandFormat format =
        switch (precision) {
          case FLOAT8_BLOCK -> OperandFormat.Simple.FLOAT8_BLOCK;
          case FLOAT8_TOKEN -> OperandFormat.Simple.FLOAT8_TOKEN;
          case FLOAT8_CURRENT, FLOAT8_DELAYED -> OperandFormat.Simple.FLOAT8_CURRENT;
          case FLOAT32 -> OperandFormat.Simple.FLOAT32;
          case PLAIN -> OperandFormat.Simple.PLAIN;
        };
    return List.of(format, format);
  }

  private OperandFormat delayed() {
    Tensor state = allocate(DType.F32, Shape.of(1));
    states.add(state);
    return float8.delayed(state);
  }

  private void stack(List<TensorSource> parts, Tensor target) {
    long row = 0;
    for (TensorSource part : parts) {
      long rows = part.shape().size(0);
      read(part, target.slice(row, rows).segment(), target.dtype());
      row += rows;
    }
  }

  @Override
  public Convolution convolution(TensorSource weight, TensorSource bias, int groups) {
    ConvolutionShapes shapes = ConvolutionShapes.of(weight, bias, groups);
    int outputs = shapes.outputs();
    int inputs = shapes.groupInputs();
    shared.begin(weight.bytes());
    Tensor packed =
        shared.whole(
            DType.F32, Shape.of(outputs, shapes.time(), shapes.height(), shapes.width(), inputs));
    Tensor packedBias = shared.whole(DType.F32, Shape.of(outputs));
    CpuConvolution layer = new CpuConvolution(packed, packedBias, groups);
    if (!shared.isMaker()) {
      return layer;
    }
    read(bias, packedBias.segment(), DType.F32);
    try (Arena temporary = Arena.ofShared()) {
      MemorySegment plain = temporary.allocate(Math.max(packed.bytes(), 4), ALIGNMENT);
      read(weight, plain, DType.F32);
      MemorySegment target = packed.segment();
      long positions = shapes.positions();
      long next = 0;
      for (long output = 0; output < outputs; output++) {
        for (long position = 0; position < positions; position++) {
          for (long input = 0; input < inputs; input++) {
            long from = (output * inputs + input) * positions + position;
            Floats.set(target, next++, Floats.get(plain, from));
          }
        }
      }
    }
    return layer;
  }

  @Override
  public void attach(Linear layer, List<SideBranch> branches) {
    CpuLinear own = (CpuLinear) layer;
    SideStack stack = SideStack.of(own, branches, own.bias(), new SideHome(own));
    sides.attach(own, stack);
    undoing.add(() -> sides.detach(own, stack));
  }

  /// Room for a layer's adapters, in float32.
  private final class SideHome implements SideStack.Home {
    private final CpuLinear layer;

    SideHome(CpuLinear layer) {
      this.layer = layer;
    }

    @Override
    public Tensor zeros(long rows, long columns) {
      Tensor tensor = allocate(DType.F32, Shape.of(rows, columns));
      tensor.segment().fill((byte) 0);
      return tensor;
    }

    @Override
    public Tensor copyOfBias() {
      return kept(layer.bias());
    }

    @Override
    public void load(TensorSource source, Tensor target) {
      read(source, target.segment(), target.dtype());
    }

    @Override
    public void addScaled(
        TensorSource source, int columns, float factor, Tensor target, int row, int column) {
      CpuParameters.this.addScaled(source, columns, factor, target, row, column);
    }
  }

  @Override
  public void adjust(Tensor tensor, TensorSource difference, float factor) {
    Tensor before = kept(tensor);
    undoing.add(() -> tensor.segment().copyFrom(before.segment()));
    int count = Math.toIntExact(tensor.count());
    addScaled(difference, count, factor, tensor.reshape(1, count), 0, 0);
  }

  private Tensor kept(Tensor tensor) {
    Tensor copy = allocate(tensor.dtype(), tensor.shape());
    copy.segment().copyFrom(tensor.segment());
    return copy;
  }

  /// Adds `factor source` to the part of a float32 matrix that begins at a row and a column.
  private void addScaled(
      TensorSource source,
      int columns,
      float factor,
      Tensor target,
      int firstRow,
      int firstColumn) {
    long rows = source.shape().count() / columns;
    int stride = target.length(1);
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment values = temporary.allocate(Math.max(source.shape().count(), 1) * 4, ALIGNMENT);
      read(source, values, DType.F32);
      MemorySegment out = target.segment();
      for (long row = 0; row < rows; row++) {
        long start = (firstRow + row) * stride + firstColumn;
        for (int column = 0; column < columns; column++) {
          float change = factor * Floats.get(values, row * columns + column);
          Floats.set(out, start + column, Floats.get(out, start + column) + change);
        }
      }
    }
  }

  @Override
  public void restart() {
    states.forEach(float8::delayed);
  }

  @Override
  public Tensor histories() {
    float[] values = new float[states.size() * DelayedScalingState.SAVED];
    for (int i = 0; i < states.size(); i++) {
      float[] saved = float8.history(states.get(i)).saved();
      System.arraycopy(saved, 0, values, i * saved.length, saved.length);
    }
    return Tensor.of(values, states.size(), DelayedScalingState.SAVED);
  }

  @Override
  public void restore(Tensor histories) {
    for (int i = 0; i < states.size(); i++) {
      float8.history(states.get(i)).restore(histories.at(i).toFloats());
    }
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    Collections.reverse(undoing);
    undoing.forEach(Runnable::run);
    states.forEach(float8::forget);
    if (gathers != null) {
      gathers.close();
    }
    shared.release(() -> {
      arena.close();
      memory.weights(-bytes);
    });
  }

  private Tensor allocate(DType dtype, Shape shape) {
    Tensor tensor = allocate(arena, dtype, shape);
    bytes += tensor.bytes();
    memory.weights(tensor.bytes());
    return tensor;
  }

  private static Tensor allocate(Arena arena, DType dtype, Shape shape) {
    long size = shape.count() * dtype.bytes();
    MemorySegment segment = arena.allocate(Math.max(size, 1), ALIGNMENT).asSlice(0, size);
    return new Tensor(shape, dtype, new HostStorage(segment));
  }

  private void read(TensorSource source, MemorySegment target, DType dtype) {
    if (source instanceof SummedSource sum && gemm != null) {
      SummedReads.read(gemm, sum, target, dtype);
    } else {
      readPlain(source, target, dtype);
    }
  }

  /// Reads a tensor piece by piece on all processors, in another float type where that is wanted.
  static void readPlain(TensorSource source, MemorySegment target, DType dtype) {
    if (source.dtype() == dtype) {
      source.read(0, target.asSlice(0, source.bytes()));
      return;
    }
    int width = source.dtype().bytes();
    long step = PIECE / width;
    long count = source.shape().count();
    Workers.run(
        Math.toIntExact(Math.ceilDiv(count, step)),
        i -> {
          long first = i * step;
          long length = Math.min(step, count - first);
          try (Arena temporary = Arena.ofConfined()) {
            MemorySegment piece = temporary.allocate(length * width, 8);
            source.read(first * width, piece);
            MemorySegment place = target.asSlice(first * dtype.bytes(), length * dtype.bytes());
            Floats.convert(piece, source.dtype(), place, dtype, length);
          }
        });
  }
}
