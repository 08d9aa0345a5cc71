package wan4j.parallel;

import wan4j.tensor.InputException;

/// A rank that failed, or did not come to an exchange in time, ended the job of all ranks.
public final class RankException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int rank;
  private final boolean isInput;

  RankException(int rank, boolean isInput, String message, Throwable cause) {
    super(message, cause);
    this.rank = rank;
    this.isInput = isInput;
  }

  /// Creates the failure of a rank, whose message begins with its number.
  static RankException of(int rank, int ranks, String what, Throwable cause) {
    return new RankException(
        rank,
        cause instanceof InputException,
        "rank %d of %d %s".formatted(rank, ranks, what),
        cause);
  }

  /// Creates the failure of a rank that does not fit the job.
  static RankException misfit(int rank, int ranks, String what) {
    return new RankException(rank, true, "rank %d of %d %s".formatted(rank, ranks, what), null);
  }

  /// Returns what is told of a rank whose work ended with a throwable.
  static String failed(Throwable cause) {
    return "failed: " + (cause.getMessage() == null ? cause.toString() : cause.getMessage());
  }

  /// Returns the same failure with this thread's trace.
  RankException again() {
    return new RankException(rank, isInput, getMessage(), this);
  }

  /// Says whether the cause is what was given, which the user can mend.
  public boolean isInput() {
    return isInput;
  }

  /// Returns the number of the rank that is the cause.
  public int rank() {
    return rank;
  }
}
