package wan4j.weights;

/// Which transformer of a checkpoint.
public enum Expert {
  /// The transformer for the early, noisy steps of a pair.
  HIGH_NOISE,
  /// The transformer for the late steps of a pair.
  LOW_NOISE,
  /// The only transformer of a checkpoint without experts.
  SINGLE
}
