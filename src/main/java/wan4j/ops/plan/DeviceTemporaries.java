package wan4j.ops.plan;

import java.util.List;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.AttentionInput;
import wan4j.ops.Convolution;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.Scope;
import wan4j.ops.Window;
import wan4j.ops.backend.SideStack;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.SummedSource;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

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
      fitted(shape, want);
    }
  }

  /// Plain rows with zeros behind them and their codes, where a format wants its columns padded.
  private void fitted(Shape shape, OperandFormat want) {
    if (DeviceRules.isUneven(want, shape.size(1))) {
      try (Scope _ = memory.scope()) {
        Shape wide = DeviceRules.paddedRows(shape);
        memory.empty(activation, wide);
        memory.empty(DType.F8_E4M3, wide);
        taken(wide, want);
      }
    }
  }

  private void written(Shape shape, OperandFormat want, long notes) {
    if (DeviceRules.isUneven(want, shape.size(1))) {
      memory.empty(activation, shape);
      return;
    }
    if (want instanceof OperandFormat.Delayed || want == OperandFormat.Simple.FLOAT8_CURRENT) {
      memory.empty(activation, shape);
    }
    noted(notes, want);
  }

  /// The same where the rows lie in a tensor already: only delayed scaling's first step copies
  /// them.
  private void taken(Shape shape, OperandFormat want) {
    if (DeviceRules.isUneven(want, shape.size(1))) {
      memory.empty(activation, shape);
      return;
    }
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

  /// A tensor of a file that another operation turns into what is wanted.
  void passing(TensorSource source, Shape shape) {
    try (Scope _ = memory.scope()) {
      memory.empty(source.dtype(), shape);
      sum(source);
    }
  }

  /// A tensor of one type that another operation turns into what is wanted.
  void passing(DType dtype, Shape shape) {
    try (Scope _ = memory.scope()) {
      memory.empty(dtype, shape);
    }
  }

  /// What is added to a weight while it is loaded, and the sum.
  void sum(TensorSource source) {
    if (!(source instanceof SummedSource sum) || sum.shape().count() == 0) {
      return;
    }
    long columns = sum.rowLength();
    long rows = sum.shape().count() / columns;
    try (Scope _ = memory.scope()) {
      memory.empty(DType.F32, sum.shape());
      for (SummedSource.Addend addend : sum.addends()) {
        try (Scope _ = memory.scope()) {
          switch (addend) {
            case SummedSource.Addend.Product product -> {
              memory.empty(DType.F32, Shape.of(rows, product.rank()));
              memory.empty(DType.F32, Shape.of(rows, product.rank()));
              memory.empty(DType.F32, Shape.of(product.rank(), columns));
            }
            case SummedSource.Addend.Values _ -> memory.empty(DType.F32, sum.shape());
          }
        }
      }
    }
  }

  /// A tensor that is quantised as it lies.
  void operand(Shape shape, OperandFormat want) {
    try (Scope _ = memory.scope()) {
      taken(shape, want);
      fitted(shape, want);
    }
  }

  /// A weight of several sources in bfloat16 and, but for squares, its quantised form, before it
  /// lies where it stays.
  void quantised(Shape shape, List<TensorSource> sources, Precision precision) {
    try (Scope _ = memory.scope()) {
      memory.empty(DType.BF16, shape);
      sources.forEach(this::sum);
      Shape wide = DeviceRules.padded(shape);
      if (!wide.equals(shape)) {
        memory.empty(DType.BF16, wide);
      }
      switch (precision) {
        case FLOAT8_TOKEN -> {
          memory.empty(DType.F8_E4M3, wide);
          memory.empty(DType.F32, Shape.of(wide.size(0), 1));
        }
        case FLOAT8_CURRENT, FLOAT8_DELAYED -> {
          memory.empty(DType.F8_E4M3, wide);
          memory.empty(DType.F32, Shape.of(1));
          taken(wide, OperandFormat.Simple.FLOAT8_CURRENT);
        }
        case FLOAT8_BLOCK, FLOAT32, PLAIN -> {}
      }
    }
  }

  /// A product of `x`, with the adapters of its layer (null for none), whose rows become an operand
  /// of a quantised format.
  void product(DType dtype, Shape shape, OperandFormat want, Operand x, SideStack side) {
    try (Scope _ = memory.scope()) {
      taken(shape, want);
      try (Scope _ = memory.scope()) {
        memory.empty(dtype, shape);
        paddedProduct(dtype, shape, x);
        adapters(x, side);
      }
      fitted(shape, want);
    }
  }

  /// The input of an FP8 layer and its sums where the sides of the weight are padded.
  private void paddedProduct(DType dtype, Shape shape, Operand x) {
    Shape rows = x.values().shape();
    boolean isPadded =
        rows.size(1) % DeviceRules.FLOAT8_SIDES != 0
            || shape.size(1) % DeviceRules.FLOAT8_SIDES != 0;
    if (x instanceof Operand.Quantized && isPadded && shape.count() > 0) {
      try (Scope _ = memory.scope()) {
        memory.empty(DType.F8_E4M3, DeviceRules.paddedRows(rows));
        memory.empty(dtype, DeviceRules.paddedRows(shape));
      }
    }
  }

  /// A product of `x`, with the adapters of its layer (null for none), that is converted when its
  /// type is not the result's.
  void product(DType dtype, Tensor result, Operand x, SideStack side) {
    try (Scope _ = memory.scope()) {
      if (dtype != result.dtype()) {
        memory.empty(dtype, result.shape());
      }
      paddedProduct(dtype, result.shape(), x);
      adapters(x, side);
    }
  }

  /// The plain values of an operand and what is between the weights of a chain.
  private void adapters(Operand x, SideStack side) {
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

  /// What becomes queries, keys and values in 8 bits: keys wait for the statistics of all.
  void queryKeyValue(QuantizedHeads heads) {
    if (heads.queries() == 0) {
      return;
    }
    try (Scope _ = memory.scope()) {
      if (heads.format().hasNarrowScores()) {
        memory.empty(activation, heads.key().shape());
      }
      codes(heads);
    }
  }

  /// The statistics that codes of keys and values go by.
  void codes(QuantizedHeads heads) {
    EightBit format = heads.format();
    long columns = (long) heads.heads() * heads.headSize();
    boolean hasKeys = format.hasNarrowScores();
    boolean hasValues = format.hasNarrowValues();
    try (Scope _ = memory.scope()) {
      memory.empty(DType.F64, Shape.of((hasKeys ? columns : 0) + (hasValues ? columns : 0) + 1));
      int pieces = Math.ceilDiv(heads.keys(), DeviceRules.SUM_TOKENS);
      passing(DType.F64, Shape.of(pieces * columns));
      memory.empty(DType.F32, Shape.of(hasKeys ? columns : 0));
      memory.empty(DType.F32, Shape.of(heads.keyScales().count() + heads.valueScales().count()));
      if (hasValues && format.valueGroup() == 0) {
        int groups = Math.ceilDiv(heads.keys(), DeviceRules.CHANNEL_TOKENS);
        passing(DType.F32, Shape.of(groups * columns));
      }
    }
  }

  /// Attention over all keys or blocks of them that are listed, with a bias or without.
  void attention(
      AttentionInput input, Shape shape, OperandFormat want, boolean isBiased, boolean isListed) {
    int size = input.headSize();
    int keys = input.keys();
    boolean isOurs =
        isListed
            || input instanceof QuantizedHeads
            || (!isBiased && DeviceRules.isOurAttention(activation, size, keys));
    try (Scope _ = memory.scope()) {
      if (isOurs && DeviceRules.isWrittenByAttention(want, size)) {
        written(shape, want, plan(input, isListed).notes());
        ours(input, isListed);
        return;
      }
      if (want != OperandFormat.Simple.PLAIN) {
        taken(shape, want);
      }
      try (Scope _ = memory.scope()) {
        if (want != OperandFormat.Simple.PLAIN) {
          memory.empty(activation, shape);
        }
        if (isOurs) {
          ours(input, isListed);
        } else if (isBiased || !DeviceRules.isFusedAttention(activation, size)) {
          scores(input.heads(), input.queries(), keys);
        }
      }
      fitted(shape, want);
    }
  }

  /// Attention to the keys of groups, which its kernel writes in the activation type.
  void groupedAttention(Shape shape, OperandFormat want) {
    if (want != OperandFormat.Simple.PLAIN) {
      try (Scope _ = memory.scope()) {
        taken(shape, want);
        passing(activation, shape);
        fitted(shape, want);
      }
    }
  }

  private static AttentionPlan plan(AttentionInput input, boolean isListed) {
    return AttentionPlan.of(
        input.format(),
        isListed,
        input.queries(),
        input.keys(),
        input.heads(),
        input.headSize(),
        AttentionPlan.MOST_BLOCKS);
  }

  private void ours(AttentionInput input, boolean isListed) {
    int floats = AttentionPlan.partFloats(input.format(), isListed, input.keys(), input.headSize());
    if (floats > 0) {
      memory.empty(DType.F32, Shape.of(floats));
    }
    if (input instanceof QuantizedHeads heads && heads.format().hasNarrowValues()) {
      memory.empty(
          DType.U8, Shape.of(DeviceRules.transposedBytes(heads.keys(), heads.value().shape())));
      memory.empty(DType.F32, heads.valueMeans().shape());
      int pieces = Math.ceilDiv(heads.keys(), DeviceRules.TRANSPOSED_TOKENS);
      passing(DType.F64, Shape.of(pieces * heads.valueMeans().count()));
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
    return layer.groups() == 1
            && DeviceRules.isPatched(activation, layer.height(), layer.width())
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
    if (layer.groups() > 1) {
      return; // one kernel, which needs nothing
    }
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
