package wan4j.ops;

import java.util.function.UnaryOperator;
import wan4j.tensor.Tensor;

/// Queries, keys and values of an attention in the format that it was asked for. Each further
/// format is a record of its own; a backend that does not know it does not compile.
public sealed interface AttentionInput permits Heads, QuantizedHeads {
  /// Makes room in the innermost scope for this rank's tokens of `group`, as [Ops#attentionInput]
  /// tells.
  static AttentionInput within(
      Ops ops, AttentionFormat want, int heads, Tensor spare, SequenceGroup group) {
    return switch (want) {
      case AttentionFormat.Simple.PLAIN -> Heads.within(ops, heads, spare);
      case AttentionFormat.EightBit narrow ->
          QuantizedHeads.within(ops, narrow, heads, spare, group.span(spare.length(0)).all());
    };
  }

  /// Returns the format.
  AttentionFormat format();

  /// Returns the number of queries, which is that of the result's rows.
  int queries();

  /// Returns the number of keys and values.
  int keys();

  /// Returns the number of heads.
  int heads();

  /// Returns the number of elements of a head.
  int headSize();

  /// Returns what ranks have after an exchange that gives each all tokens of some heads: `tokens`
  /// exchanges a tensor `[own tokens, heads, …]` for one `[all tokens, own heads, …]`, and `cut`
  /// takes the own heads of statistics `[heads, groups of tokens, channels]`, on which all ranks
  /// agree.
  AttentionInput exchanged(UnaryOperator<Tensor> tokens, UnaryOperator<Tensor> cut);
}
