package wan4j.cuda;

import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.HeadCodeKernels;
import wan4j.cuda.kernel.HeadCodeKernels.Coding;
import wan4j.cuda.kernel.HeadCodeKernels.Rows;
import wan4j.cuda.kernel.RopeKernels;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.Heads;
import wan4j.ops.Ops;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.Scope;
import wan4j.ops.SequenceGroup;
import wan4j.ops.SequenceGroup.Reduction;
import wan4j.ops.plan.DeviceRules;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The input of attention in 8 bits: queries become codes where they are made; keys and values in a
/// pass of their own, once all ranks have agreed on means and magnitudes.
final class HeadCodes {
  private final DeviceMemory memory;
  private final RopeKernels rope;
  private final HeadCodeKernels kernels;

  HeadCodes(DeviceMemory memory, RopeKernels rope, HeadCodeKernels kernels) {
    this.memory = memory;
    this.rope = rope;
    this.kernels = kernels;
  }

  /// Normalises, rotates and quantises what `qkv [tokens, 3 dim]` holds; both weights are of one
  /// type.
  void queryKeyValue(
      Ops ops,
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor angles,
      SequenceGroup group,
      QuantizedHeads target) {
    if (qkv.count() == 0) {
      return;
    }
    int heads = target.heads();
    int size = target.headSize();
    try (Scope _ = memory.scope()) {
      Tensor key =
          target.format().hasNarrowScores()
              ? memory.empty(qkv.dtype(), target.key().shape())
              : target.key();
      rope.queryKeyValue(qkv, queryWeight, keyWeight, epsilon, angles, key, target);
      long columns = (long) heads * size;
      Rows values =
          new Rows(
              DeviceStorage.address(qkv) + 2 * columns * qkv.dtype().bytes(),
              qkv.dtype(),
              3 * columns,
              target.keys(),
              heads,
              size);
      quantize(ops, Rows.of(key), values, group, target);
    }
  }

  /// Quantises queries, keys and values; what is no code must be of the target's types.
  void write(Ops ops, Heads source, SequenceGroup group, QuantizedHeads target) {
    EightBit format = target.format();
    if (format.hasNarrowScores()) {
      Coding coding = new Coding(target.query().dtype(), format.keyGroup());
      kernels.quantizeQueries(
          Rows.of(source.query()), target.query(), target.queryScales(), coding);
    } else {
      ops.copy(source.query(), target.query());
      ops.copy(source.key(), target.key());
    }
    if (!format.hasNarrowValues()) {
      ops.copy(source.value(), target.value());
    }
    quantize(ops, Rows.of(source.key()), Rows.of(source.value()), group, target);
  }

  private void quantize(Ops ops, Rows key, Rows value, SequenceGroup group, QuantizedHeads target) {
    EightBit format = target.format();
    int tokens = target.keys();
    SequenceGroup.Span span = group.span(tokens);
    long columns = (long) target.heads() * target.headSize();
    boolean hasKeys = format.hasNarrowScores();
    boolean hasValues = format.hasNarrowValues();
    Coding keys = new Coding(target.key().dtype(), Math.max(1, format.keyGroup()));
    int valueGroup = format.valueGroup() == 0 ? DeviceRules.CHANNEL_TOKENS : format.valueGroup();
    Coding values = new Coding(target.value().dtype(), valueGroup);
    try (Scope _ = memory.scope()) {
      long valuesAt = hasKeys ? columns : 0;
      Tensor sums = memory.empty(DType.F64, Shape.of(valuesAt + (hasValues ? columns : 0) + 1));
      if (hasKeys) {
        kernels.sums(key, sums, 0, keys);
      }
      if (hasValues) {
        kernels.sums(value, sums, valuesAt, values);
      }
      group.agree(ops, Reduction.SUM, sums);
      Tensor keyMeans = memory.empty(DType.F32, Shape.of(hasKeys ? columns : 0));
      Tensor magnitudes =
          memory.empty(
              DType.F32, Shape.of(target.keyScales().count() + target.valueScales().count()));
      ops.clear(magnitudes);
      // the values' come first, since their kernels read several at once
      Tensor valueLargest = part(magnitudes, 0, target.valueScales());
      Tensor keyLargest = part(magnitudes, target.valueScales().count(), target.keyScales());
      if (hasKeys) {
        kernels.means(key, sums, 0, keyMeans, keys);
        kernels.tokenLargest(key, keyMeans, span.first(), keyLargest, keys);
      }
      if (hasValues) {
        kernels.means(value, sums, valuesAt, target.valueMeans(), values);
        valueLargest(value, span, target, valueLargest, values);
      }
      group.agree(ops, Reduction.MAXIMUM, magnitudes);
      if (hasKeys) {
        kernels.inverses(key, keyLargest, target.keyScales(), keys);
        kernels.quantizeTokens(key, keyMeans, keyLargest, span.first(), target.key(), keys);
      }
      if (hasValues) {
        kernels.inverses(value, valueLargest, target.valueScales(), values);
        kernels.quantizeColumns(
            value, target.valueMeans(), valueLargest, span.first(), target.value(), values);
      }
    }
  }

  private void valueLargest(
      Rows value, SequenceGroup.Span span, QuantizedHeads target, Tensor largest, Coding coding) {
    if (target.format().valueGroup() > 0) {
      kernels.columnLargest(value, target.valueMeans(), span.first(), largest, coding);
      return;
    }
    try (Scope _ = memory.scope()) {
      long groups = Math.ceilDiv(target.keys(), coding.group());
      Shape shape = Shape.of(target.heads(), groups, target.headSize());
      Tensor partial = memory.empty(DType.F32, Shape.of(shape.count())).reshape(shape.toArray());
      kernels.columnLargest(value, target.valueMeans(), 0, partial, coding);
      kernels.finishLargest(value, partial, largest, coding);
    }
  }

  /// Returns a part of flat statistics in the shape of what they become.
  private static Tensor part(Tensor flat, long first, Tensor like) {
    return flat.slice(first, like.count()).reshape(like.shape().toArray());
  }
}
