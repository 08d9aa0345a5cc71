package wan4j.weights;

/// Which transformer of a checkpoint.
public enum Expert {
  /// The transformer for the early, noisy steps of a pair.
  HIGH_NOISE(0, "high-noise expert"),
  /// The transformer for the late steps of a pair.
  LOW_NOISE(1, "low-noise expert"),
  /// The only transformer of a checkpoint without experts.
  SINGLE(2, "transformer");

  private final int number;
  private final String description;

  Expert(int number, String description) {
    this.number = number;
    this.description = description;
  }

  /// Returns the number that stands for it where there are only numbers, such as in a saved state.
  public int number() {
    return number;
  }

  /// Returns the expert of a number; throws `IllegalArgumentException` where there is none.
  public static Expert of(int number) {
    for (Expert expert : values()) {
      if (expert.number == number) {
        return expert;
      }
    }
    throw new IllegalArgumentException("got %d, which is not an expert's number".formatted(number));
  }

  /// Returns what it is called in messages.
  public String description() {
    return description;
  }
}
