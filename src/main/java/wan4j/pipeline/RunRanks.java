package wan4j.pipeline;

import java.util.List;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.quant.Branch;

/// How the ranks that take a request through its course together divide its loop. Every rank holds
/// the whole sample and takes all steps; within a forward its group divides the tokens.
///
/// @param host what the ranks tell each other beside
/// @param pair exchange between the two ranks that do the same part of either branch of guidance,
///   the conditional one's first; null where each rank computes both branches
/// @param halves brings the ranks of both branches into one forward; null where they cannot
public record RunRanks(HostExchange host, Collectives pair, Halves halves) {
  /// One rank.
  public static final RunRanks ALONE = new RunRanks(HostExchange.ALONE, null);

  /// Ranks whose branches stay where they are.
  public RunRanks(HostExchange host, Collectives pair) {
    this(host, pair, null);
  }

  /// The ranks of either branch, which can share the forwards of one branch.
  @FunctionalInterface
  public interface Halves {
    /// Lets all ranks share each forward from now on, or each half those of its branch.
    void share(boolean areTogether);
  }

  /// Says whether the ranks of both branches can share a forward.
  boolean canJoin() {
    return halves != null;
  }

  /// Does as [Halves#share] where they can; else each half keeps to its branch.
  void share(boolean areTogether) {
    if (halves != null) {
      halves.share(areTogether);
    }
  }

  /// Says whether this rank computes a branch where the branches are divided.
  boolean computes(Branch branch) {
    return pair == null || pair.rank() == of(branch);
  }

  /// Returns the number of the rank of a pair that computes a branch.
  static int of(Branch branch) {
    return branch == Branch.CONDITIONAL ? 0 : 1;
  }

  /// Returns the sum of what ranks count in their own branches.
  int sumOfBranches(int own) {
    if (pair == null) {
      return own;
    }
    List<long[]> all = host.all(own);
    // ranks of the conditional branch come first, and those of a branch count the same
    return Math.toIntExact(all.getFirst()[0] + all.getLast()[0]);
  }
}
