package wan4j.ops;

import java.util.function.UnaryOperator;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// Queries, keys and values of which some are codes of 8 bits; what is no code is float, and has no
/// scales. A code times its scale is the number that it stands for, less the mean of all keys for
/// keys, which softmax does not see, and less [#valueMeans] for values.
///
/// @param format which are codes, and of what type
/// @param query `[queries, heads, head size]`
/// @param queryScales float32 `[queries, heads]`, or `[0]`
/// @param key `[keys, heads, head size]`
/// @param keyScales float32 `[heads, groups of keys, 1]`, or `[0]`
/// @param value `[keys, heads, head size]`
/// @param valueScales float32 `[heads, groups of values, head size]`, or `[0]`
/// @param valueMeans float32 `[heads, 1, head size]`, the means of all values in each channel, or
///   `[0]`
public record QuantizedHeads(
    AttentionFormat.EightBit format,
    Tensor query,
    Tensor queryScales,
    Tensor key,
    Tensor keyScales,
    Tensor value,
    Tensor valueScales,
    Tensor valueMeans)
    implements AttentionInput {

  /// Makes room for as many tokens as `spare [tokens, heads head size]` has, which are a part of
  /// `all` tokens of all ranks: queries, and where they are codes keys too, lie in `spare` itself,
  /// the rest in the innermost scope.
  static QuantizedHeads within(
      Ops ops, AttentionFormat.EightBit format, int heads, Tensor spare, int all) {
    long tokens = spare.shape().size(0);
    long size = spare.shape().size(1) / heads;
    if (!format.hasNarrowScores()) {
      Tensor query = spare.reshape(tokens, heads, size);
      return of(ops, format, query, ops.empty(spare.dtype(), tokens, heads, size), all);
    }
    DType codes = format.scoreType(spare.dtype());
    Storage storage = spare.storage();
    long bytes = spare.count();
    Tensor query = new Tensor(Shape.of(tokens, heads, size), codes, storage.slice(0, bytes));
    Tensor key = new Tensor(Shape.of(tokens, heads, size), codes, storage.slice(bytes, bytes));
    return of(ops, format, query, key, all);
  }

  /// Makes room in the innermost scope for heads of these sizes of one rank alone.
  public static QuantizedHeads of(
      Ops ops, AttentionFormat.EightBit format, int queries, int keys, int heads, int size) {
    DType type = format.scoreType(ops.activation());
    return of(
        ops,
        format,
        ops.empty(type, queries, heads, size),
        ops.empty(type, keys, heads, size),
        keys);
  }

  private static QuantizedHeads of(
      Ops ops, AttentionFormat.EightBit format, Tensor query, Tensor key, int all) {
    int heads = query.length(1);
    int size = query.length(2);
    boolean hasScores = format.hasNarrowScores();
    boolean hasValues = format.hasNarrowValues();
    return new QuantizedHeads(
        format,
        query,
        hasScores ? ops.empty(DType.F32, query.length(0), heads) : ops.empty(DType.F32, 0),
        key,
        hasScores ? ops.empty(DType.F32, heads, format.keyGroups(all), 1) : ops.empty(DType.F32, 0),
        ops.empty(format.valueType(ops.activation()), key.length(0), heads, size),
        hasValues
            ? ops.empty(DType.F32, heads, format.valueGroups(all), size)
            : ops.empty(DType.F32, 0),
        hasValues ? ops.empty(DType.F32, heads, 1, size) : ops.empty(DType.F32, 0));
  }

  @Override
  public int queries() {
    return query.length(0);
  }

  @Override
  public int keys() {
    return key.length(0);
  }

  @Override
  public int heads() {
    return query.length(1);
  }

  @Override
  public int headSize() {
    return query.length(2);
  }

  @Override
  public QuantizedHeads exchanged(UnaryOperator<Tensor> tokens, UnaryOperator<Tensor> cut) {
    boolean hasScores = format.hasNarrowScores();
    boolean hasValues = format.hasNarrowValues();
    return new QuantizedHeads(
        format,
        tokens.apply(query),
        hasScores ? tokens.apply(queryScales) : queryScales,
        tokens.apply(key),
        hasScores ? cut.apply(keyScales) : keyScales,
        tokens.apply(value),
        hasValues ? cut.apply(valueScales) : valueScales,
        hasValues ? cut.apply(valueMeans) : valueMeans);
  }

  /// Returns the sentence for an attention with a bias, which takes no codes.
  public String withoutBias() {
    return "relativeAttention: got heads in %s, expected ones as they are".formatted(format);
  }
}
