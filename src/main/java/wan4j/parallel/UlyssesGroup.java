package wan4j.parallel;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Collectives;
import wan4j.ops.ForwardPass;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Ranks of which each has a part of the tokens, and in self-attention a part of the heads over all
/// tokens: two exchanges a block turn the one into the other (Jacobs et al., DeepSpeed Ulysses,
/// 2023). Tokens need not divide: the first ranks have one more.
public final class UlyssesGroup implements SequenceGroup {
  private final Collectives collectives;
  private final SequenceGroup formats;
  private int tokens; // of what was shared last

  /// Creates a rank of a group; `formats` names the format of each layer's attention.
  public UlyssesGroup(Collectives collectives, SequenceGroup formats) {
    this.collectives = collectives;
    this.formats = formats;
  }

  /// Throws `InputException` when heads cannot be divided among ranks.
  public static void require(int heads, int ranks) {
    if (heads % ranks != 0) {
      List<String> possible =
          IntStream.rangeClosed(1, heads)
              .filter(n -> heads % n == 0)
              .mapToObj(String::valueOf)
              .toList();
      throw new InputException(
          "--ulysses_size got %d, but the model has %d attention heads; give one of %s"
              .formatted(ranks, heads, String.join(", ", possible)));
    }
  }

  @Override
  public Tensor share(Ops ops, Tensor all) {
    tokens = all.length(0);
    return all.slice(first(collectives.rank()), rows(collectives.rank()));
  }

  private long first(int rank) {
    return (long) tokens / collectives.ranks() * rank
        + Math.min(rank, tokens % collectives.ranks());
  }

  private int rows(int rank) {
    return tokens / collectives.ranks() + (rank < tokens % collectives.ranks() ? 1 : 0);
  }

  @Override
  public Span span(int own) {
    return new Span(Math.toIntExact(first(collectives.rank())), tokens);
  }

  @Override
  public AttentionFormat format(ForwardPass pass, int layer) {
    return formats.format(pass, layer);
  }

  @Override
  public void agree(Ops ops, Reduction reduction, Tensor statistics) {
    collectives.reduce(reduction, statistics);
  }

  @Override
  public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
    int ranks = collectives.ranks();
    int own = input.queries();
    long width = (long) input.heads() / ranks * input.headSize(); // of a rank's heads
    Tensor result = ops.empty(ops.activation(), own, ranks * width);
    try (var _ = ops.scope()) {
      AttentionInput heads =
          input.exchanged(x -> exchanged(ops, x), statistics -> ofThisRank(statistics));
      Tensor made = ops.attention(heads, scale, OperandFormat.Simple.PLAIN).values();
      Tensor received = ops.empty(ops.activation(), ranks, own, width);
      collectives.allToAll(ofRanks(made), parts(received));
      ops.swap(received, result.reshape(own, ranks, width));
    }
    return ops.operand(result, want);
  }

  /// Returns what all ranks have in this rank's heads, `[all tokens, own heads, …]`, of what each
  /// has in all heads, `[own tokens, heads, …]`.
  private Tensor exchanged(Ops ops, Tensor own) {
    int ranks = collectives.ranks();
    long rows = own.shape().size(0);
    long width = rows == 0 ? 0 : own.count() / rows / ranks; // of a rank's heads
    long[] sizes = own.shape().toArray();
    sizes[0] = tokens;
    sizes[1] /= ranks;
    Tensor all = ops.empty(own.dtype(), sizes);
    try (var _ = ops.scope()) {
      Tensor divided = ops.empty(own.dtype(), ranks, rows, width);
      ops.swap(own.reshape(rows, ranks, width), divided);
      collectives.allToAll(parts(divided), ofRanks(all.reshape(tokens, width)));
    }
    return all;
  }

  /// Returns the statistics of this rank's heads of those of all, `[heads, …]`.
  private Tensor ofThisRank(Tensor statistics) {
    long heads = statistics.shape().size(0) / collectives.ranks();
    return statistics.slice(collectives.rank() * heads, heads);
  }

  /// Returns the rows of each rank of a tensor over all tokens.
  private List<Tensor> ofRanks(Tensor all) {
    return IntStream.range(0, collectives.ranks())
        .mapToObj(rank -> all.slice(first(rank), rows(rank)))
        .toList();
  }

  private static List<Tensor> parts(Tensor stacked) {
    return IntStream.range(0, stacked.length(0)).mapToObj(stacked::at).toList();
  }

  @Override
  public Tensor gather(Ops ops, Tensor own) {
    Tensor all = ops.empty(own.dtype(), tokens, own.length(1));
    collectives.allGather(own, ofRanks(all));
    return all;
  }
}
