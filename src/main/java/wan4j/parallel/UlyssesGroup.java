package wan4j.parallel;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
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
  private final Function<HeadGroups, List<Integer>> cut;
  private int tokens; // of what was shared last

  /// Creates a rank of a group; `formats` names the format of each layer's attention. Heads travel
  /// in groups where exchanges run beside other work.
  public UlyssesGroup(Collectives collectives, SequenceGroup formats) {
    this(
        collectives,
        formats,
        groups -> collectives.runsBeside() ? groups.sizes() : List.of(groups.heads()));
  }

  /// Creates one whose heads travel in groups of the sizes that `cut` gives.
  public UlyssesGroup(
      Collectives collectives, SequenceGroup formats, Function<HeadGroups, List<Integer>> cut) {
    this.collectives = collectives;
    this.formats = formats;
    this.cut = cut;
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
      List<HeadExchange> exchanges = exchanges(ops, input);
      exchanges.getFirst().begin();
      for (int i = 0; i < exchanges.size(); i++) {
        if (i + 1 < exchanges.size()) {
          exchanges.get(i + 1).begin();
        }
        exchanges.get(i).attend(scale);
      }
      exchanges.forEach(exchange -> exchange.finish(result.reshape(own, ranks, width)));
    }
    return ops.operand(result, want);
  }

  /// Returns the groups of heads that are exchanged one after another.
  private List<HeadExchange> exchanges(Ops ops, AttentionInput input) {
    int ranks = collectives.ranks();
    HeadGroups groups = HeadGroups.of(input, tokens, ranks, ops.activation().bytes());
    List<HeadExchange.Rows> rows =
        IntStream.range(0, ranks)
            .mapToObj(rank -> new HeadExchange.Rows(first(rank), rows(rank)))
            .toList();
    List<HeadExchange> exchanges = new ArrayList<>();
    int first = 0;
    for (int count : cut.apply(groups)) {
      exchanges.add(new HeadExchange(ops, collectives, rows, input, first, count));
      first += count;
    }
    return exchanges;
  }

  /// Returns the rows of each rank of a tensor over all tokens.
  private List<Tensor> ofRanks(Tensor all) {
    return IntStream.range(0, collectives.ranks())
        .mapToObj(rank -> all.slice(first(rank), rows(rank)))
        .toList();
  }

  @Override
  public Tensor gather(Ops ops, Tensor own) {
    Tensor all = ops.empty(own.dtype(), tokens, own.length(1));
    collectives.allGather(own, ofRanks(all));
    return all;
  }
}
