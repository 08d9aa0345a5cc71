package wan4j.parallel;

/// A rank that failed, or did not come to an exchange in time, ended the job of all ranks.
public final class RankException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int rank;

  RankException(int rank, String message, Throwable cause) {
    super(message, cause);
    this.rank = rank;
  }

  /// Returns the number of the rank that is the cause.
  public int rank() {
    return rank;
  }
}
