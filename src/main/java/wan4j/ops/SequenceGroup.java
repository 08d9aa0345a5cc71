package wan4j.ops;

import wan4j.tensor.Tensor;

/// The ranks that share one forward's tokens; networks call it where tokens meet and never ask how
/// many there are.
public interface SequenceGroup {
  /// How what each rank found in its own tokens becomes what all tokens have.
  enum Reduction {
    /// The sum over the ranks.
    SUM,
    /// The largest of the ranks.
    MAXIMUM
  }

  /// Where a rank's tokens lie among those of all ranks.
  ///
  /// @param first the first of them
  /// @param all how many all ranks have
  record Span(int first, int all) {}

  /// A group of one, whose attention is in the activation type.
  SequenceGroup SOLO = solo(AttentionSchedule.PLAIN);

  /// Returns a group of one.
  static SequenceGroup solo(AttentionSchedule attention) {
    return new Solo(attention);
  }

  /// Returns this rank's rows of a tensor over all tokens; what follows is over as many tokens.
  Tensor share(Ops ops, Tensor tokens);

  /// Returns where this rank's tokens, so many, lie among those of all ranks.
  Span span(int tokens);

  /// Returns the format in which the self-attention of a layer takes its input in a forward, the
  /// same whenever it is asked: it depends on nothing that has run.
  AttentionFormat format(ForwardPass pass, int layer);

  /// Turns float32 or float64 statistics of this rank's queries, keys or values into those of all
  /// ranks', in place. A backend calls it between norm and rotation, which statistics are taken
  /// after, and the quantisation that goes by them; formats that need none never do.
  void agree(Ops ops, Reduction reduction, Tensor statistics);

  /// Returns the attention of this rank's queries over the keys and values of all ranks.
  Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want);

  /// Returns all ranks' rows, in order.
  Tensor gather(Ops ops, Tensor tokens);
}
