package wan4j.ops;

import wan4j.tensor.DType;
import wan4j.tensor.Shape;

/// What the operations of the CUDA backend need for themselves beside their arguments and results,
/// so that a request's memory can be told without a GPU. Each method counts what one operation has
/// at once; the numbers are those of `wan4j.cuda`.
final class DeviceTemporaries {
  private static final long MOST_SCORES = 512L << 20;
  private static final long MOST_GATHERED = 256L << 20;
  private static final int LARGEST_FUSED_HEAD = 128;
  private static final int CHANNELS = 8; // what convolutions' channels are padded to
  private static final int QUERIES = 16; // queries of a tile come in multiples of this

  private final NullMemory memory;
  private final DType activation;

  DeviceTemporaries(NullMemory memory, DType activation) {
    this.memory = memory;
    this.activation = activation;
  }

  /// Rows that are written before the scale of the whole tensor is known.
  void rows(Shape shape, OperandFormat want) {
    try (Scope _ = memory.scope()) {
      written(shape, want);
    }
  }

  private void written(Shape shape, OperandFormat want) {
    boolean isNoted =
        want instanceof OperandFormat.Delayed || want == OperandFormat.Simple.FLOAT8_CURRENT;
    if (isNoted) {
      memory.empty(activation, shape);
      memory.empty(DType.F32, Shape.of(shape.size(0)));
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
      written(shape, format);
    }
  }

  /// A product whose rows become an operand of a quantised format.
  void product(DType dtype, Shape shape, OperandFormat want) {
    try (Scope _ = memory.scope()) {
      written(shape, want);
      memory.empty(dtype, shape);
    }
  }

  /// Attention of heads, with a bias or without.
  void attention(Heads heads, Shape shape, OperandFormat want, boolean isBiased) {
    Shape query = heads.query().shape();
    long size = query.size(2);
    try (Scope _ = memory.scope()) {
      if (want != OperandFormat.Simple.PLAIN) {
        written(shape, want);
        memory.empty(activation, shape);
      }
      boolean isFused =
          activation == DType.BF16 && !isBiased && size % 8 == 0 && size <= LARGEST_FUSED_HEAD;
      if (!isFused) {
        scores(query.size(1), query.size(0), heads.key().shape().size(0));
      }
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
    long tile = Math.min(queries, Math.max(QUERIES, MOST_SCORES / row / QUERIES * QUERIES));
    memory.empty(DType.F32, Shape.of(batch * tile, stride));
    memory.empty(activation, Shape.of(batch * tile, stride));
  }

  /// A convolution to `target`: sums before what is added, or gathered windows.
  void convolution(Convolution layer, Window window, boolean isAdded, Shape target) {
    long volume = (long) layer.time() * layer.height() * layer.width();
    if (volume == 1 && layer.inputs() % CHANNELS == 0 && window.equals(Window.VALID)) {
      return;
    }
    long positions = target.count() / layer.outputs();
    try (Scope _ = memory.scope()) {
      if (layer.inputs() % CHANNELS != 0) {
        long columns = padded(volume * layer.inputs());
        long piece = Math.max(1, MOST_GATHERED / (columns * activation.bytes()));
        memory.empty(activation, Shape.of(Math.min(piece, positions), columns));
      } else if (isAdded || layer.outputs() % CHANNELS != 0) {
        memory.empty(activation, target.with(-1, padded(layer.outputs())));
      }
    }
  }

  /// Returns a number of channels, padded.
  static long padded(long channels) {
    return Math.ceilDiv(channels, (long) CHANNELS) * CHANNELS;
  }
}
