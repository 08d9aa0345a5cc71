package wan4j.bench.random;

import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.ForwardPass;
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
///
/// @param ranks how many there are
/// @param attention the format of self-attention in every layer
public record ShareOfGroup(int ranks, AttentionFormat attention) implements SequenceGroup {
  /// Creates a rank whose attention is in the activation type.
  public ShareOfGroup(int ranks) {
    this(ranks, AttentionFormat.Simple.PLAIN);
  }

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

  /// Returns that these are all tokens, since no other rank gives statistics of its own.
  @Override
  public Span span(int tokens) {
    return new Span(0, tokens);
  }

  @Override
  public AttentionFormat format(ForwardPass pass, int layer) {
    return attention;
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
    return input.exchanged(this::exchanged, this::spread);
  }

  private Tensor exchanged(Tensor x) {
    long[] sizes = x.shape().toArray();
    sizes[0] *= ranks;
    sizes[1] /= ranks;
    return x.reshape(sizes);
  }

  /// Lets the statistics of all heads over this rank's tokens stand for those of some heads over
  /// all tokens, where they tell of groups of tokens; others are cut.
  private Tensor spread(Tensor statistics) {
    long heads = statistics.shape().size(0) / ranks;
    long groups = statistics.shape().size(1);
    long channels = statistics.shape().size(2);
    boolean tellsOfGroups = groups > 1 || channels == 1;
    return tellsOfGroups
        ? statistics.reshape(heads, groups * ranks, channels)
        : statistics.slice(0, heads);
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
