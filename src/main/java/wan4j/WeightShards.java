package wan4j;

/// Which weights ranks divide among them, so that each holds a part of every block and takes copies
/// of the others' parts of the next block while one computes. A component is null where it is left
/// to the memory: weights are divided where networks do not fit beside each other otherwise.
///
/// @param transformers whether the transformers' are
/// @param text whether the text encoder's are
public record WeightShards(Boolean transformers, Boolean text) {
  /// What memory decides.
  public static final WeightShards WHERE_NEEDED = new WeightShards(null, null);

  /// Says whether anything is to be divided wherever memory would do without.
  public boolean isAsked() {
    return Boolean.TRUE.equals(transformers) || Boolean.TRUE.equals(text);
  }
}
