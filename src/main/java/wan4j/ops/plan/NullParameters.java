package wan4j.ops.plan;

import java.util.ArrayList;
import java.util.List;
import wan4j.ops.Convolution;
import wan4j.ops.Linear;
import wan4j.ops.OperandFormat;
import wan4j.ops.SideBranch;
import wan4j.ops.WeightSharing;
import wan4j.ops.backend.SharedWeights;
import wan4j.ops.backend.SharingParameters;
import wan4j.ops.backend.SideLayers;
import wan4j.ops.backend.SideStack;
import wan4j.ops.backend.SlabPacking;
import wan4j.ops.check.ConvolutionShapes;
import wan4j.ops.check.LinearShapes;
import wan4j.ops.check.SideShapes;
import wan4j.quant.Branch;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Weights of which only names, shapes and bytes are known; nothing is read.
final class NullParameters implements SharingParameters {
  private final NullMemory memory;
  private final DType activation;
  private final DeviceTemporaries temporaries; // null where weights need none
  private final SideLayers sides;
  private final SlabPacking packing;
  private final List<Runnable> undoing = new ArrayList<>();
  private final SharedWeights shared;
  private long bytes;

  NullParameters(
      NullMemory memory,
      DType activation,
      DeviceTemporaries temporaries,
      SideLayers sides,
      WeightSharing sharing) {
    this.memory = memory;
    this.activation = activation;
    this.temporaries = temporaries;
    this.sides = sides;
    long granule = temporaries == null ? memory.placement().alignment() : SlabPacking.GRANULE;
    packing = new SlabPacking(memory.placement(), granule);
    shared = new SharedWeights(sharing, new SharedHome());
  }

  /// What ranks share, of which only the memory is counted.
  private final class SharedHome implements SharedWeights.Home {
    @Override
    public Tensor allocate(DType dtype, Shape shape) {
      return NullParameters.this.allocate(dtype, shape);
    }

    @Override
    public void copy(Tensor theirs, Tensor own) {}

    @Override
    public void synchronize() {}

    @Override
    public void gather(int buffer, List<SharedWeights.Move> moves) {}

    @Override
    public void await(int buffer) {}

    @Override
    public void finish(int buffer) {}
  }

  @Override
  public SharedWeights shared() {
    return shared;
  }

  @Override
  public Tensor tensor(TensorSource source, DType dtype) {
    shared.begin(source.bytes());
    sum(source);
    return shared.whole(source.dtype().isFloat() ? dtype : source.dtype(), source.shape());
  }

  @Override
  public Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision) {
    LinearShapes shapes = LinearShapes.of(weights, biases);
    DType dtype =
        switch (precision) {
          case FLOAT32 -> DType.F32;
          case PLAIN -> activation;
          case FLOAT8_CURRENT, FLOAT8_DELAYED, FLOAT8_BLOCK, FLOAT8_TOKEN -> DType.F8_E4M3;
        };
    shared.begin(weights.stream().mapToLong(TensorSource::bytes).sum());
    if (temporaries == null) {
      shared.whole(DType.F32, Shape.of(shapes.outputs()));
    } else if (!biases.isEmpty()) {
      shared.whole(precision.isFloat8() ? DType.BF16 : dtype, Shape.of(shapes.outputs()));
    }
    Shape weight =
        temporaries != null && precision.isFloat8()
            ? DeviceRules.padded(shapes.weight())
            : shapes.weight();
    shared.matrix(dtype, weight); // after the bias, as they lie on a GPU
    long scales =
        switch (precision) {
          case FLOAT32, PLAIN -> 0;
          case FLOAT8_CURRENT, FLOAT8_DELAYED -> 1;
          case FLOAT8_TOKEN -> weight.size(0);
          case FLOAT8_BLOCK ->
              Math.ceilDiv(shapes.outputs(), (long) DeviceRules.SCALE_BLOCK)
                  * DeviceRules.tileScaleStride(Math.toIntExact(shapes.inputs()));
        };
    if (scales > 0) {
      shared.matrix(DType.F32, Shape.of(scales));
    }
    if (temporaries != null && precision.isFloat8() && !shared.isMeasuring()) {
      temporaries.quantised(shapes.weight(), weights, precision);
    } else {
      weights.forEach(this::sum);
    }
    biases.forEach(this::sum);
    Tensor state = null;
    if (precision == Precision.FLOAT8_DELAYED && !shared.isMeasuring()) {
      for (Branch _ : Branch.values()) {
        state = allocate(DType.F32, Shape.of(DeviceRules.SCALING_STATE));
      }
    }
    return new Layer(shapes.inputs(), shapes.outputs(), precision, format(precision, state));
  }

  private void sum(TensorSource source) {
    if (temporaries != null) {
      temporaries.sum(source);
    }
  }

  @Override
  public Float8Matrix codes(Linear layer) {
    throw new IllegalStateException("weights of which only the shape is known have no codes");
  }

  @Override
  public Convolution convolution(TensorSource weight, TensorSource bias, int groups) {
    ConvolutionShapes shapes = ConvolutionShapes.of(weight, bias, groups);
    Kernel kernel = new Kernel(shapes);
    shared.begin(weight.bytes());
    if (temporaries == null) {
      allocate(activation, weight.shape());
      allocate(DType.F32, bias.shape());
      return kernel;
    }
    long outputs = DeviceRules.paddedChannels(shapes.outputs());
    long columns = (long) shapes.positions() * shapes.groupInputs();
    allocate(
        activation,
        groups == 1
            ? Shape.of(outputs, DeviceRules.paddedChannels(columns))
            : Shape.of(shapes.outputs(), columns));
    allocate(activation, Shape.of(outputs));
    if (temporaries.wideColumns(kernel) > 0) {
      allocate(activation, Shape.of(outputs, temporaries.wideColumns(kernel)));
    }
    temporaries.passing(weight, weight.shape());
    sum(bias);
    return kernel;
  }

  @Override
  public void attach(Linear layer, List<SideBranch> branches) {
    SideShapes shapes = SideShapes.of(layer, branches);
    DType dtype = sideType(layer);
    List<List<Tensor>> chains = new ArrayList<>();
    Tensor down = allocate(dtype, Shape.of(shapes.rank(), layer.inputs()));
    Tensor up = allocate(dtype, Shape.of(layer.outputs(), shapes.rank()));
    if (shapes.rank() > 0) {
      chains.add(List.of(down, up));
    }
    if (shapes.hasDense()) {
      chains.add(List.of(allocate(dtype, Shape.of(layer.outputs(), layer.inputs()))));
    }
    Tensor bias = shapes.hasBias() ? allocate(dtype, Shape.of(layer.outputs())) : null;
    if (temporaries != null) {
      branches.forEach(branch -> passing(scaled(branch)));
    }
    SideStack stack = new SideStack(bias, chains);
    sides.attach(layer, stack);
    undoing.add(() -> sides.detach(layer, stack));
  }

  /// Returns the type of what hangs beside a layer: a GPU's FP8 layers have it in bfloat16.
  private DType sideType(Linear layer) {
    if (!(layer instanceof Layer own)) {
      return activation;
    }
    if (temporaries != null && own.precision().isFloat8()) {
      return DType.BF16;
    }
    return own.precision() == Precision.FLOAT32 ? DType.F32 : activation;
  }

  @Override
  public void adjust(Tensor tensor, TensorSource difference, float factor) {
    allocate(tensor.dtype(), tensor.shape()); // what it held before
    if (temporaries != null) {
      passing(difference);
    }
  }

  /// Returns what of a branch is multiplied by its factor while it loads.
  private static TensorSource scaled(SideBranch branch) {
    return switch (branch) {
      case SideBranch.LowRank pair -> pair.up();
      case SideBranch.Dense full -> full.weight();
      case SideBranch.Bias change -> change.bias();
    };
  }

  /// A source as it is, until it has been added to what stays.
  private void passing(TensorSource source) {
    temporaries.passing(source.dtype(), source.shape());
  }

  @Override
  public void restart() {
    // nothing has run
  }

  @Override
  public Tensor histories() {
    return Tensor.of(new float[0], 0, DeviceRules.SCALING_STATE);
  }

  @Override
  public void restore(Tensor histories) {
    // nothing has run
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    undoing.forEach(Runnable::run);
    undoing.clear();
    memory.weights(-bytes);
    bytes = 0;
  }

  private Tensor allocate(DType dtype, Shape shape) {
    packing.place(shape.count() * dtype.bytes());
    memory.weights(packing.bytes() - bytes);
    bytes = packing.bytes();
    return NullMemory.nothing(dtype, shape);
  }

  private static OperandFormat format(Precision precision, Tensor state) {
    return switch (precision) {
      case FLOAT32 -> OperandFormat.Simple.FLOAT32;
      case PLAIN -> OperandFormat.Simple.PLAIN;
      case FLOAT8_CURRENT -> OperandFormat.Simple.FLOAT8_CURRENT;
      case FLOAT8_DELAYED -> new OperandFormat.Delayed(state);
      case FLOAT8_BLOCK -> OperandFormat.Simple.FLOAT8_BLOCK;
      case FLOAT8_TOKEN -> OperandFormat.Simple.FLOAT8_TOKEN;
    };
  }

  /// A linear layer without elements.
  record Layer(int inputs, int outputs, Precision precision, OperandFormat format)
      implements Linear {
    @Override
    public OperandFormat input(Branch branch) {
      return format;
    }
  }

  /// A convolution without elements.
  private record Kernel(ConvolutionShapes shapes) implements Convolution {
    @Override
    public int inputs() {
      return shapes.inputs();
    }

    @Override
    public int outputs() {
      return shapes.outputs();
    }

    @Override
    public int groups() {
      return shapes.groups();
    }

    @Override
    public int time() {
      return shapes.time();
    }

    @Override
    public int height() {
      return shapes.height();
    }

    @Override
    public int width() {
      return shapes.width();
    }
  }
}
