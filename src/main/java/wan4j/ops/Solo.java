package wan4j.ops;

import wan4j.tensor.Tensor;

/// A group of one.
///
/// @param attention the formats of self-attention
record Solo(AttentionSchedule attention) implements SequenceGroup {
  @Override
  public Tensor share(Ops ops, Tensor tokens) {
    return tokens;
  }

  @Override
  public Span span(int tokens) {
    return new Span(0, tokens);
  }

  @Override
  public AttentionFormat format(ForwardPass pass, int layer) {
    return attention.format(pass, layer);
  }

  @Override
  public void agree(Ops ops, Reduction reduction, Tensor statistics) {
    // one rank's tokens are all tokens
  }

  @Override
  public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
    return ops.attention(input, scale, want);
  }

  @Override
  public Tensor gather(Ops ops, Tensor tokens) {
    return tokens;
  }
}
