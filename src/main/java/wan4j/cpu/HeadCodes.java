package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.Heads;
import wan4j.ops.Ops;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.SequenceGroup;
import wan4j.ops.SequenceGroup.Reduction;
import wan4j.ops.SequenceGroup.Span;
import wan4j.tensor.DType;
import wan4j.tensor.Float8;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Codes of heads in 8 bits as plain loops, with the arithmetic of every backend: means are of
/// float64 sums, which are exact for bfloat16, and everything after them is float32, operation by
/// operation, so that codes and scales are the same bits.
final class HeadCodes {
  private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

  private final CpuMemory memory;

  HeadCodes(CpuMemory memory) {
    this.memory = memory;
  }

  /// Quantises float32 queries, keys and values, and copies what is no code; the ranks of `group`
  /// agree on sums and magnitudes.
  void write(Ops ops, Heads source, SequenceGroup group, QuantizedHeads target) {
    EightBit format = target.format();
    Span span = group.span(source.keys());
    boolean hasKeys = format.hasNarrowScores();
    boolean hasValues = format.hasNarrowValues();
    if (hasKeys) {
      quantizeQueries(source.query(), target.query(), target.queryScales());
    } else {
      ops.copy(source.query(), target.query());
      ops.copy(source.key(), target.key());
    }
    if (!hasValues) {
      ops.copy(source.value(), target.value());
    }
    int columns = source.heads() * source.headSize();
    int valuesAt = hasKeys ? columns : 0;
    int count = valuesAt + (hasValues ? columns : 0);
    Tensor sums = memory.empty(DType.F64, Shape.of(count + 1L));
    sums.segment().fill((byte) 0);
    if (hasKeys) {
      sum(source.key(), sums, 0);
    }
    if (hasValues) {
      sum(source.value(), sums, valuesAt);
    }
    sums.segment().set(DOUBLE, count * 8L, source.keys());
    group.agree(ops, Reduction.SUM, sums);
    Tensor keyMeans = memory.empty(DType.F32, Shape.of(valuesAt));
    long keyGroups = target.keyScales().count();
    Tensor magnitudes = memory.empty(DType.F32, Shape.of(keyGroups + target.valueScales().count()));
    magnitudes.segment().fill((byte) 0);
    Tensor keyLargest =
        magnitudes.slice(0, keyGroups).reshape(target.keyScales().shape().toArray());
    Tensor valueLargest =
        magnitudes
            .slice(keyGroups, target.valueScales().count())
            .reshape(target.valueScales().shape().toArray());
    Groups keys = new Groups(span.first(), format.keyGroup(), false);
    Groups values = new Groups(span.first(), format.valueGroup(), true);
    if (hasKeys) {
      means(sums, 0, keyMeans);
      largest(source.key(), keyMeans, keys, keyLargest);
    }
    if (hasValues) {
      means(sums, valuesAt, target.valueMeans());
      largest(source.value(), target.valueMeans(), values, valueLargest);
    }
    group.agree(ops, Reduction.MAXIMUM, magnitudes);
    if (hasKeys) {
      quantize(source.key(), keyMeans, keys, keyLargest, target.key(), target.keyScales());
    }
    if (hasValues) {
      quantize(
          source.value(),
          target.valueMeans(),
          values,
          valueLargest,
          target.value(),
          target.valueScales());
    }
  }

  /// Which scale an element goes by: that of its head and group of tokens, or of its channel too.
  ///
  /// @param first the place of the first token among all ranks'
  /// @param tokens how many share a scale, 0 for all
  private record Groups(int first, int tokens, boolean hasChannels) {
    long place(long token, int column, int size, Shape scales) {
      long group = tokens == 0 ? 0 : (first + token) / tokens;
      long row = column / size * scales.size(1) + group;
      return hasChannels ? row * size + column % size : row;
    }
  }

  private static void sum(Tensor x, Tensor sums, long at) {
    MemorySegment in = x.segment();
    MemorySegment out = sums.segment();
    int columns = x.length(1) * x.length(2);
    for (long i = 0; i < x.count(); i++) {
      long place = (at + i % columns) * 8;
      out.set(DOUBLE, place, out.get(DOUBLE, place) + get(in, i));
    }
  }

  private static void means(Tensor sums, long at, Tensor means) {
    double count = sums.segment().get(DOUBLE, (sums.count() - 1) * 8);
    for (long i = 0; i < means.count(); i++) {
      set(means.segment(), i, sums.segment().get(DOUBLE, (at + i) * 8) / count);
    }
  }

  private static void largest(Tensor x, Tensor means, Groups groups, Tensor largest) {
    MemorySegment in = x.segment();
    MemorySegment out = largest.segment();
    int size = x.length(2);
    int columns = x.length(1) * size;
    for (long i = 0; i < x.count(); i++) {
      int column = (int) (i % columns);
      long place = groups.place(i / columns, column, size, largest.shape());
      float distance = Math.abs(get(in, i) - get(means.segment(), column));
      set(out, place, Math.max(get(out, place), distance));
    }
  }

  private static void quantize(
      Tensor x, Tensor means, Groups groups, Tensor largest, Tensor codes, Tensor scales) {
    MemorySegment in = x.segment();
    int size = x.length(2);
    int columns = x.length(1) * size;
    float most = EightBit.mostCode(codes.dtype());
    for (long i = 0; i < x.count(); i++) {
      int column = (int) (i % columns);
      long place = groups.place(i / columns, column, size, largest.shape());
      float scale = scale(most, get(largest.segment(), place));
      setCode(codes, i, (get(in, i) - get(means.segment(), column)) * scale);
    }
    for (long i = 0; i < scales.count(); i++) {
      set(scales.segment(), i, 1 / scale(most, get(largest.segment(), i)));
    }
  }

  private static void quantizeQueries(Tensor x, Tensor codes, Tensor scales) {
    MemorySegment in = x.segment();
    int size = x.length(2);
    float most = EightBit.mostCode(codes.dtype());
    for (long row = 0; row < scales.count(); row++) {
      float largest = 0;
      for (long i = row * size; i < (row + 1) * size; i++) {
        largest = Math.max(largest, Math.abs(get(in, i)));
      }
      float scale = scale(most, largest);
      for (long i = row * size; i < (row + 1) * size; i++) {
        setCode(codes, i, get(in, i) * scale);
      }
      set(scales.segment(), row, 1 / scale);
    }
  }

  /// Returns the scale that brings a magnitude to the largest code.
  private static float scale(float most, float largest) {
    if (largest == 0 || !Float.isFinite(largest)) {
      return 1;
    }
    return Math.min(most / largest, Float.MAX_VALUE);
  }

  private static void setCode(Tensor codes, long index, float value) {
    byte code =
        codes.dtype() == DType.I8
            ? (byte) Math.clamp((long) Math.rint(value), -127, 127)
            : Float8.toE4m3(value);
    codes.segment().set(ValueLayout.JAVA_BYTE, index, code);
  }

  /// Returns what codes stand for, in float32; keys are less their mean.
  Heads dequantized(QuantizedHeads heads) {
    EightBit format = heads.format();
    Tensor query = heads.query();
    Tensor key = heads.key();
    Tensor value = heads.value();
    if (format.hasNarrowScores()) {
      Groups own = new Groups(0, 1, false);
      Shape each = Shape.of(heads.heads(), heads.queries(), 1);
      Tensor scales = transposed(heads.queryScales());
      query = numbers(heads.query(), own, scales.reshape(each.toArray()));
      key = numbers(key, new Groups(0, format.keyGroup(), false), heads.keyScales());
    }
    if (format.hasNarrowValues()) {
      Groups groups = new Groups(0, format.valueGroup(), true);
      value = numbers(value, groups, heads.valueScales());
      addMeans(value, heads.valueMeans());
    }
    return new Heads(query, key, value);
  }

  /// Gives every channel of values the mean that it had before it became codes: rounding leaves
  /// codes one of their own, which does not average out over many keys.
  private static void addMeans(Tensor value, Tensor means) {
    MemorySegment all = value.segment();
    int columns = value.length(1) * value.length(2);
    double[] sums = new double[columns];
    for (long i = 0; i < value.count(); i++) {
      sums[(int) (i % columns)] += get(all, i);
    }
    float[] added = new float[columns];
    for (int column = 0; column < columns; column++) {
      added[column] = (float) (get(means.segment(), column) - sums[column] / value.length(0));
    }
    for (long i = 0; i < value.count(); i++) {
      set(all, i, get(all, i) + added[(int) (i % columns)]);
    }
  }

  /// Returns `[queries, heads]` as `[heads, queries]`.
  private Tensor transposed(Tensor scales) {
    long rows = scales.shape().size(0);
    long columns = scales.shape().size(1);
    Tensor target = memory.empty(DType.F32, Shape.of(columns, rows));
    for (long i = 0; i < scales.count(); i++) {
      set(target.segment(), i % columns * rows + i / columns, get(scales.segment(), i));
    }
    return target;
  }

  private Tensor numbers(Tensor codes, Groups groups, Tensor scales) {
    Tensor target = memory.empty(DType.F32, codes.shape());
    int size = codes.length(2);
    int columns = codes.length(1) * size;
    for (long i = 0; i < codes.count(); i++) {
      int column = (int) (i % columns);
      byte code = codes.segment().get(ValueLayout.JAVA_BYTE, i);
      float number = codes.dtype() == DType.I8 ? code : Float8.fromE4m3(code);
      long place = groups.place(i / columns, column, size, scales.shape());
      set(target.segment(), i, number * get(scales.segment(), place));
    }
    return target;
  }
}
