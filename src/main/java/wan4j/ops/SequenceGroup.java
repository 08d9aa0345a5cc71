package wan4j.ops;

import wan4j.tensor.Tensor;

/// The ranks that share one forward's tokens; networks call it where tokens meet and never ask how
/// many there are.
public interface SequenceGroup {
  /// A group of one.
  SequenceGroup SOLO =
      new SequenceGroup() {
        @Override
        public Tensor share(Ops ops, Tensor tokens) {
          return tokens;
        }

        @Override
        public Operand attention(Ops ops, Heads heads, double scale, OperandFormat want) {
          return ops.attention(heads, scale, want);
        }

        @Override
        public Tensor gather(Ops ops, Tensor tokens) {
          return tokens;
        }
      };

  /// Returns this rank's rows of a tensor over all tokens.
  Tensor share(Ops ops, Tensor tokens);

  /// Returns the attention of this rank's queries over the keys and values of all ranks.
  Operand attention(Ops ops, Heads heads, double scale, OperandFormat want);

  /// Returns all ranks' rows, in order.
  Tensor gather(Ops ops, Tensor tokens);
}
