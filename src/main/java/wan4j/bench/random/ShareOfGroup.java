package wan4j.bench.random;

import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.ForwardPass;
import wan4j.ops.Heads;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// One rank of an imaginary group: a device does the part of one of `ranks` ranks, a share of the
/// tokens in the linear layers and a share of the heads over all tokens in attention. Instead of
/// data from the other ranks it reads the same memory in the exchanged shape, so that communication
/// costs nothing and the arithmetic is that of Ulysses.
public record ShareOfGroup(int ranks) implements SequenceGroup {
  /// Throws `InputException` when tokens or heads cannot be divided among the ranks.
  public void require(int tokens, int heads) {
    if (ranks < 1 || tokens % ranks != 0 || heads % ranks != 0) {
      throw new InputException(
          "--share got %d, but %d tokens and %d heads are not divisible by it; give a divisor of both"
              .formatted(ranks, tokens, heads));
    }
  }

  @Override
  public Tensor share(Ops ops, Tensor tokens) {
    return tokens.slice(0, tokens.length(0) / ranks);
  }

  @Override
  public AttentionFormat format(ForwardPass pass, int layer) {
    return AttentionFormat.Simple.PLAIN;
  }

  /// Leaves this rank's statistics as they are: the others are not there.
  @Override
  public void agree(Ops ops, Reduction reduction, Tensor statistics) {
    // as communication costs nothing
  }

  @Override
  public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
    if (ranks == 1) {
      return ops.attention(input, scale, want);
    }
    Tensor own = ops.attention(exchanged(input), scale, OperandFormat.Simple.PLAIN).values();
    long rows = input.queries();
    return ops.operand(own.reshape(rows, own.count() / rows), want);
  }

  private AttentionInput exchanged(AttentionInput input) {
    return switch (input) {
      case Heads heads ->
          new Heads(exchanged(heads.query()), exchanged(heads.key()), exchanged(heads.value()));
    };
  }

  private Tensor exchanged(Tensor x) {
    return x.reshape((long) x.length(0) * ranks, x.length(1) / ranks, x.length(2));
  }

  @Override
  public Tensor gather(Ops ops, Tensor tokens) {
    if (ranks == 1) {
      return tokens;
    }
    long rows = tokens.length(0);
    Tensor all = ops.empty(tokens.dtype(), rows * ranks, tokens.length(1));
    for (int rank = 0; rank < ranks; rank++) {
      ops.copy(tokens, all.slice(rank * rows, rows));
    }
    return all;
  }
}
