package wan4j.ops;

import java.util.function.UnaryOperator;
import wan4j.tensor.Tensor;

/// Queries, keys and values as they are: float `[tokens, heads, head size]` each; keys and values
/// may have another number of tokens than the queries.
public record Heads(Tensor query, Tensor key, Tensor value) implements AttentionInput {
  /// Makes room for as many tokens as `spare [tokens, heads head size]` has: the queries lie in
  /// `spare` itself, keys and values in the innermost scope.
  public static Heads within(Ops ops, int heads, Tensor spare) {
    long tokens = spare.shape().size(0);
    long size = spare.shape().size(1) / heads;
    return new Heads(
        spare.reshape(tokens, heads, size),
        ops.empty(spare.dtype(), tokens, heads, size),
        ops.empty(spare.dtype(), tokens, heads, size));
  }

  @Override
  public AttentionFormat format() {
    return AttentionFormat.Simple.PLAIN;
  }

  @Override
  public AttentionInput exchanged(UnaryOperator<Tensor> tokens, UnaryOperator<Tensor> cut) {
    return new Heads(tokens.apply(query), tokens.apply(key), tokens.apply(value));
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
}
