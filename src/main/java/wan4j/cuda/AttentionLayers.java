package wan4j.cuda;

import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.AttentionKernels;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.GroupAttentionKernels;
import wan4j.cuda.kernel.RowOutput;
import wan4j.ops.Activation;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.Scope;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Attention of every kind: by wan4j's kernel where it is faster, fused where the library takes it,
/// else as two products around a softmax.
final class AttentionLayers implements AutoCloseable {
  private final DeviceMemory memory;
  private final Formats formats;
  private final ElementwiseKernels elementwise;
  private final DType activation;
  private final AttentionKernels kernels;
  private final GroupAttentionKernels groups;
  private final FusedAttention fused;
  private final ProductAttention products;
  private Preference preference = Preference.FASTER;

  /// Whose kernel takes heads that both wan4j and cuDNN could.
  private enum Preference {
    FASTER,
    OURS,
    LIBRARY
  }

  AttentionLayers(
      DeviceMemory memory,
      Formats formats,
      ElementwiseKernels elementwise,
      DType activation,
      AttentionKernels kernels,
      GroupAttentionKernels groups,
      FusedAttention fused,
      ProductAttention products) {
    this.memory = memory;
    this.formats = formats;
    this.elementwise = elementwise;
    this.activation = activation;
    this.kernels = kernels;
    this.groups = groups;
    this.fused = fused;
    this.products = products;
  }

  /// Returns softmax(q kᵀ scale) v of `shape`, in the consumer's format.
  Operand attention(Shape shape, Heads heads, double scale, OperandFormat want) {
    int headSize = heads.query().length(2);
    if (DeviceRules.isWrittenByAttention(want, headSize) && isOurs(heads, scale)) {
      return written(shape, as(activation, heads), null, scale, want);
    }
    return formats.written(shape, want, target -> attend(heads, scale, target, null));
  }

  /// Returns softmax(q kᵀ scale) v of `shape` over all keys, or over `blocks` of them (null for
  /// all), in the consumer's format: what only wan4j's kernels do.
  Operand ownAttention(
      Shape shape, AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want) {
    AttentionInput own =
        switch (input) {
          case Heads heads -> as(activation, heads);
          case QuantizedHeads narrow -> narrow;
        };
    int size = own.headSize();
    boolean fits =
        own instanceof Heads
            ? DeviceRules.fitsOurAttention(activation, size)
            : DeviceRules.fitsEightBitAttention(activation, size);
    if (!fits || scale <= 0) {
      throw new IllegalArgumentException(
          "no kernel attends to heads of %d in %s and %s by a scale of %s; give heads of 128 in bfloat16 and a scale above 0"
              .formatted(size, own.format(), activation, scale));
    }
    if (shape.count() > 0 && DeviceRules.isWrittenByAttention(want, size)) {
      return written(shape, own, blocks, scale, want);
    }
    return formats.written(
        shape,
        want,
        target -> {
          if (target.count() > 0) {
            kernels.run(own, blocks, scale, target);
          }
        });
  }

  private Operand written(
      Shape shape, AttentionInput own, KeyBlocks blocks, double scale, OperandFormat want) {
    int notes = kernels.plan(own, blocks != null).notes();
    try (RowOutput output = formats.output(shape, want, notes)) {
      kernels.run(own, blocks, scale, output);
      return output.finish();
    }
  }

  /// Returns softmax(q kᵀ scale) v of `shape` over the keys of each query's group, in the
  /// consumer's format.
  Operand groupedAttention(
      Shape shape, Heads heads, Tensor rows, int keys, double scale, OperandFormat want) {
    return formats.written(
        shape,
        want,
        target -> {
          try (Scope _ = memory.scope()) {
            groups.run(as(activation, heads), rows, keys, scale, target);
          }
        });
  }

  /// Returns softmax(q kᵀ + bias) v of `shape` over the first `keys` keys, in the consumer's
  /// format.
  Operand relativeAttention(Shape shape, Heads heads, Tensor bias, int keys, OperandFormat want) {
    ProductAttention.Bias given = new ProductAttention.Bias(bias, keys);
    return formats.written(shape, want, target -> attend(heads, 1, target, given));
  }

  /// Lets wan4j's kernel take whatever it can, also where cuDNN is faster.
  void preferOurs() {
    preference = Preference.OURS;
  }

  /// Leaves wan4j's kernel what cuDNN cannot take.
  void preferLibrary() {
    preference = Preference.LIBRARY;
  }

  private boolean isOurs(Heads heads, double scale) {
    return switch (preference) {
      case FASTER -> AttentionKernels.takes(activation, heads, scale);
      case OURS -> AttentionKernels.fits(activation, heads, scale);
      case LIBRARY -> false; // cuDNN takes all heads that the kernel does
    };
  }

  /// Returns what computes attention over many keys in heads of a size, with a bias or without.
  String name(int headSize, boolean isBiased) {
    boolean isOurs = preference != Preference.LIBRARY;
    if (!isBiased && isOurs && DeviceRules.fitsOurAttention(activation, headSize)) {
      return "wan4j";
    }
    return !isBiased && DeviceRules.isFusedAttention(activation, headSize) ? "cuDNN" : "products";
  }

  private void attend(Heads heads, double scale, Tensor target, ProductAttention.Bias bias) {
    if (target.count() == 0) {
      return;
    }
    try (Scope _ = memory.scope()) {
      Heads own = as(activation, heads);
      if (bias == null && isOurs(own, scale)) {
        kernels.run(own, null, scale, target);
        return;
      }
      if (bias == null && fused.run(own, scale, target)) {
        return;
      }
      ProductAttention.Layout layout = layout(own, target);
      if (products.isSupported(layout, activation)) {
        products.run(layout, activation, scale, bias);
        return;
      }
      // No bfloat16 product for such rows: float32 takes any.
      Tensor wide = memory.empty(DType.F32, target.shape());
      products.run(layout(as(DType.F32, own), wide), DType.F32, scale, bias);
      elementwise.convert(wide, target, Activation.NONE);
    }
  }

  /// Writes attention of bfloat16 heads of 64 or 128 by wan4j's kernel even where cuDNN is faster;
  /// for comparisons.
  void attendByKernel(Heads heads, double scale, Tensor target) {
    if (!AttentionKernels.fits(heads.query().dtype(), heads, scale)) {
      throw new IllegalArgumentException(
          "no kernel takes heads like %s; give bfloat16 ones of 64 or 128"
              .formatted(heads.query().shape()));
    }
    kernels.run(heads, null, scale, target);
  }

  /// Writes attention of bfloat16 heads through the library even where wan4j's kernel is faster;
  /// for comparisons.
  void attendByLibrary(Heads heads, double scale, Tensor target) {
    if (!fused.run(heads, scale, target)) {
      throw new IllegalArgumentException(
          "cuDNN takes no heads like %s; give bfloat16 ones of at most 128"
              .formatted(heads.query().shape()));
    }
  }

  private Heads as(DType type, Heads heads) {
    return new Heads(
        formats.as(type, heads.query()),
        formats.as(type, heads.key()),
        formats.as(type, heads.value()));
  }

  private static ProductAttention.Layout layout(Heads heads, Tensor target) {
    Tensor query = heads.query();
    int size = query.length(2);
    long row = (long) query.length(1) * size;
    return new ProductAttention.Layout(
        DeviceStorage.address(query),
        DeviceStorage.address(heads.key()),
        DeviceStorage.address(heads.value()),
        DeviceStorage.address(target),
        row,
        size,
        row,
        size,
        query.length(1),
        query.length(0),
        heads.key().length(0),
        size);
  }

  /// Writes softmax(q kᵀ / sqrt(channels)) v within each frame, one head, for `qkv [frames, height,
  /// width, 3 channels]`.
  void frameAttention(Tensor qkv, Tensor target) {
    try (Scope _ = memory.scope()) {
      Tensor x = formats.as(activation, qkv);
      int channels = target.length(3);
      int positions = x.length(1) * x.length(2);
      long element = x.dtype().bytes();
      for (int frame = 0; frame < x.length(0); frame++) {
        long start = DeviceStorage.address(x) + frame * 3L * positions * channels * element;
        long to = DeviceStorage.address(target) + (long) frame * positions * channels * element;
        ProductAttention.Layout layout =
            new ProductAttention.Layout(
                start,
                start + channels * element,
                start + 2L * channels * element,
                to,
                3L * channels,
                0,
                channels,
                0,
                1,
                positions,
                positions,
                channels);
        products.run(layout, activation, 1 / Math.sqrt(channels), null);
      }
    }
  }

  @Override
  public void close() {
    fused.close();
  }
}
