package wan4j.ops;

import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// What the operations of the CUDA backend need for themselves beside their arguments and results,
/// so that a request's memory can be told without a GPU. Each method counts what one operation has
/// at once.
final class DeviceTemporaries {
  private final NullMemory memory;
  private final DType activation;

  DeviceTemporaries(NullMemory memory, DType activation) {
    this.memory = memory;
    this.activation = activation;
  }

  /// Rows that are written before the scale of the whole tensor is known.
  void rows(Shape shape, OperandFormat want) {
    try (Scope _ = memory.scope()) {
      written(shape, want, shape.size(0));
    }
  }

  private void written(Shape shape, OperandFormat want, long notes) {
    if (want instanceof OperandFormat.Delayed || want == OperandFormat.Simple.FLOAT8_CURRENT) {
      memory.empty(activation, shape);
    }
    noted(notes, want);
  }

  /// The same where the rows lie in a tensor already: only delayed scaling's first step copies
  /// them.
  private void taken(Shape shape, OperandFormat want) {
    if (want instanceof OperandFormat.Delayed) {
      memory.empty(activation, shape);
    }
    noted(shape.size(0), want);
  }

  private void noted(long notes, OperandFormat want) {
    if (want instanceof OperandFormat.Delayed || want == OperandFormat.Simple.FLOAT8_CURRENT) {
      memory.empty(DType.F32, Shape.of(notes));
    }
    if (want == OperandFormat.Simple.FLOAT8_CURRENT) {
      memory.empty(DType.F32, Shape.of(DeviceRules.SCALING_STATE)); // of the scale
    }
  }

  /// A tensor of one type that another operation turns into what is wanted.
  void passing(DType dtype, Shape shape) {
    try (Scope _ = memory.scope()) {
      memory.empty(dtype, shape);
    }
  }

  /// A weight in bfloat16 and its quantised form, before it lies where it stays.
  void quantised(Shape shape, OperandFormat format) {
    try (Scope _ = memory.scope()) {
      memory.empty(DType.BF16, shape);
      memory.empty(DType.F8_E4M3, shape);
      written(shape, format, shape.size(0));
    }
  }

  /// A product of `x`, with what hangs beside its layer (null for nothing), whose rows become an
  /// operand of a quantised format.
  void product(DType dtype, Shape shape, OperandFormat want, Operand x, SideStack side) {
    try (Scope _ = memory.scope()) {
      taken(shape, want);
      memory.empty(dtype, shape);
      beside(x, side);
    }
  }

  /// A product of `x`, with what hangs beside its layer (null for nothing), that is converted when
  /// its type is not the result's.
  void product(DType dtype, Tensor result, Operand x, SideStack side) {
    try (Scope _ = memory.scope()) {
      if (dtype != result.dtype()) {
        memory.empty(dtype, result.shape());
      }
      beside(x, side);
    }
  }

  /// The plain values of an operand and what is between the weights of a chain.
  private void beside(Operand x, SideStack side) {
    if (side == null || side.chains().isEmpty()) {
      return;
    }
    Tensor values = x.values();
    if (x instanceof Operand.Quantized) {
      values = memory.empty(DType.BF16, values.shape());
    }
    for (List<Tensor> chain : side.chains()) {
      for (Tensor weight : chain.subList(0, chain.size() - 1)) {
        memory.empty(values.dtype(), Shape.of(values.length(0), weight.length(0)));
      }
    }
  }

  /// Attention of heads, with a bias or without.
  void attention(Heads heads, Shape shape, OperandFormat want, boolean isBiased) {
    Shape query = heads.query().shape();
    long size = query.size(2);
    long keys = heads.key().shape().size(0);
    boolean isOurs = !isBiased && DeviceRules.isOurAttention(activation, size, keys);
    try (Scope _ = memory.scope()) {
      if (isOurs && DeviceRules.isWrittenByAttention(want, size)) {
        written(shape, want, plan(heads).notes());
        parts(heads);
        return;
      }
      if (want != OperandFormat.Simple.PLAIN) {
        taken(shape, want);
        memory.empty(activation, shape);
      }
      if (isOurs) {
        parts(heads);
      } else if (isBiased || !DeviceRules.isFusedAttention(activation, size)) {
        scores(query.size(1), query.size(0), keys);
      }
    }
  }

  private static AttentionPlan plan(Heads heads) {
    Tensor query = heads.query();
    return AttentionPlan.of(
        query.length(0),
        heads.key().length(0),
        query.length(1),
        query.length(2),
        AttentionPlan.MOST_BLOCKS);
  }

  private void parts(Heads heads) {
    int floats = AttentionPlan.partFloats(heads.key().length(0), heads.query().length(2));
    if (floats > 0) {
      memory.empty(DType.F32, Shape.of(floats));
    }
  }

  /// Attention within the frames of features, one head.
  void frameAttention(long positions) {
    try (Scope _ = memory.scope()) {
      scores(1, positions, positions);
    }
  }

  private void scores(long batch, long queries, long keys) {
    long stride = Math.ceilDiv(keys, 8L) * 8;
    long row = batch * stride * (Float.BYTES + activation.bytes());
    long most = DeviceRules.MOST_SCORES / row / DeviceRules.QUERY_STEP * DeviceRules.QUERY_STEP;
    long tile = Math.min(queries, Math.max(DeviceRules.QUERY_STEP, most));
    memory.empty(DType.F32, Shape.of(batch * tile, stride));
    memory.empty(activation, Shape.of(batch * tile, stride));
  }

  /// Returns the columns of a weight's second copy for our own kernel, or 0 where none is kept.
  long wideColumns(Convolution layer) {
    long wide = DeviceRules.patchInputs(layer.inputs());
    return DeviceRules.isPatched(activation, layer.height(), layer.width())
            && wide != layer.inputs()
        ? wide * layer.time() * layer.height() * layer.width()
        : 0;
  }

  private void widened(Convolution layer, Shape x) {
    long wide = DeviceRules.patchInputs(layer.inputs());
    if (wide != layer.inputs()) {
      passing(activation, x.with(-1, wide));
    }
  }

  /// A convolution of `x` to `target`, normalised: by one kernel, or in two steps.
  void normalisedConvolution(Convolution layer, Window window, Shape x, Shape target) {
    if (DeviceRules.isOurConvolution(activation, layer, window)
        && DeviceRules.isNormalisedByPatches(layer.outputs())) {
      widened(layer, x);
      return;
    }
    try (Scope _ = memory.scope()) {
      memory.empty(activation, target);
      convolution(layer, window, false, x, target);
    }
  }

  /// A convolution of `x` to `target`: wider inputs, sums before what is added, or gathered
  /// windows.
  void convolution(Convolution layer, Window window, boolean isAdded, Shape x, Shape target) {
    if (DeviceRules.isOurConvolution(activation, layer, window)) {
      widened(layer, x);
      return;
    }
    long volume = (long) layer.time() * layer.height() * layer.width();
    if (volume == 1 && layer.inputs() % DeviceRules.CHANNELS == 0 && window.equals(Window.VALID)) {
      return;
    }
    long positions = target.count() / layer.outputs();
    try (Scope _ = memory.scope()) {
      if (layer.inputs() % DeviceRules.CHANNELS != 0) {
        long columns = DeviceRules.paddedChannels(volume * layer.inputs());
        long piece = Math.max(1, DeviceRules.MOST_GATHERED / (columns * activation.bytes()));
        memory.empty(activation, Shape.of(Math.min(piece, positions), columns));
      } else if (isAdded || layer.outputs() % DeviceRules.CHANNELS != 0) {
        memory.empty(activation, target.with(-1, DeviceRules.paddedChannels(layer.outputs())));
      }
    }
  }
}
