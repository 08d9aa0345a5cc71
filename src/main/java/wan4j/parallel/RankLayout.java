package wan4j.parallel;

import java.util.List;
import java.util.stream.IntStream;
import wan4j.tensor.InputException;

/// How ranks divide the forwards of a request: over the two branches of guidance, and within a
/// branch over tokens and heads.
///
/// @param branches 2 where each half of the ranks computes one branch, else 1
/// @param sequence how many ranks share one forward
public record RankLayout(int branches, int sequence) {
  /// One rank that does everything.
  public static final RankLayout ALONE = new RankLayout(1, 1);

  /// What was asked for.
  ///
  /// @param ranks how many ranks there are
  /// @param sequence how many of them share a forward, or 0 where that is free
  /// @param branches whether each half of them takes a branch; null where that is free
  public record Wish(int ranks, int sequence, Boolean branches) {}

  /// Returns the layout of ranks for a model of so many heads whose requests are guided or not.
  /// Guidance comes first, since its halves exchange nothing within a forward; an explicit size of
  /// the sequence's group decides. Throws `InputException` with what is possible.
  public static RankLayout of(Wish wish, int heads, boolean isGuided) {
    int ranks = wish.ranks();
    if (wish.sequence() > 0) {
      return asked(wish, heads, isGuided);
    }
    boolean halves = wish.branches() == null ? isGuided && ranks % 2 == 0 : wish.branches();
    if (halves && ranks % 2 != 0) {
      throw new InputException(
          "--cfg_parallel got %d GPUs; expected an even number: give --gpus %d, or --cfg_parallel False"
              .formatted(ranks, ranks + 1));
    }
    // a request without guidance has one branch, which all ranks share
    int branches = halves && isGuided ? 2 : 1;
    UlyssesGroup.require(heads, ranks / branches);
    return new RankLayout(branches, ranks / branches);
  }

  private static RankLayout asked(Wish wish, int heads, boolean isGuided) {
    int ranks = wish.ranks();
    int sequence = wish.sequence();
    UlyssesGroup.require(heads, sequence);
    boolean isWhole = ranks == sequence;
    boolean isHalf = ranks == 2 * sequence && !Boolean.FALSE.equals(wish.branches());
    if (isWhole && !Boolean.TRUE.equals(wish.branches())) {
      return new RankLayout(1, sequence);
    }
    if (isHalf && isGuided) {
      return new RankLayout(2, sequence);
    }
    if (isHalf) {
      UlyssesGroup.require(heads, ranks);
      return new RankLayout(1, ranks);
    }
    throw new InputException(
        "--ulysses_size got %d for %d GPUs; expected %d, or %d with each half of them for a branch of guidance (--cfg_parallel True)"
            .formatted(sequence, ranks, ranks, Math.max(1, ranks / 2)));
  }

  /// Returns the layout in which the ranks of both branches share one forward of a model of so many
  /// heads; null where there is one branch, or heads cannot be divided among all.
  public RankLayout joined(int heads) {
    return branches == 1 || heads % ranks() != 0 ? null : new RankLayout(1, ranks());
  }

  /// Returns how many ranks there are.
  public int ranks() {
    return branches * sequence;
  }

  /// Returns which branch a rank computes, 0 or 1.
  public int branch(int rank) {
    return rank / sequence;
  }

  /// Returns the ranks that share a rank's forward, in order.
  public List<Integer> sequenceOf(int rank) {
    int first = branch(rank) * sequence;
    return IntStream.range(first, first + sequence).boxed().toList();
  }

  /// Returns the ranks that do the same part of the branches as a rank does, in order of branches.
  public List<Integer> branchesOf(int rank) {
    return IntStream.range(0, branches)
        .map(branch -> branch * sequence + rank % sequence)
        .boxed()
        .toList();
  }
}
