package wan4j;

/// Whether a GPU records the blocks of a forward as a CUDA graph when they come again, and from
/// then on plays the record: the same work and the same bytes, with one call of the host in place
/// of thousands.
public enum Recording {
  /// Where a forward is so short that the host's calls take longer than the work.
  AUTO,
  /// Every forward.
  ALWAYS,
  /// None.
  NEVER
}
