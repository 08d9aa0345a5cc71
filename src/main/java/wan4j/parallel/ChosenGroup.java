package wan4j.parallel;

import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.ForwardPass;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// The group that networks are loaded with where the ranks of a forward are chosen anew for each
/// request, and within one between two forwards.
public final class ChosenGroup implements SequenceGroup {
  private SequenceGroup chosen;

  /// Creates a choice, which is `chosen` at first.
  public ChosenGroup(SequenceGroup chosen) {
    this.chosen = chosen;
  }

  /// Takes another group from now on; what a network has prepared is for the group of that time.
  public void choose(SequenceGroup group) {
    chosen = group;
  }

  @Override
  public Tensor share(Ops ops, Tensor tokens) {
    return chosen.share(ops, tokens);
  }

  @Override
  public Span span(int tokens) {
    return chosen.span(tokens);
  }

  @Override
  public AttentionFormat format(ForwardPass pass, int layer) {
    return chosen.format(pass, layer);
  }

  @Override
  public void agree(Ops ops, Reduction reduction, Tensor statistics) {
    chosen.agree(ops, reduction, statistics);
  }

  @Override
  public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
    return chosen.attention(ops, input, scale, want);
  }

  @Override
  public Tensor gather(Ops ops, Tensor tokens) {
    return chosen.gather(ops, tokens);
  }
}
