package wan4j.weights;

/// Which transformer of a checkpoint.
public enum Expert {
  /// The transformer for the early, noisy steps of a pair.
  HIGH_NOISE("high-noise expert"),
  /// The transformer for the late steps of a pair.
  LOW_NOISE("low-noise expert"),
  /// The only transformer of a checkpoint without experts.
  SINGLE("transformer");

  private final String description;

  Expert(String description) {
    this.description = description;
  }

  /// Returns what it is called in messages.
  public String description() {
    return description;
  }
}
