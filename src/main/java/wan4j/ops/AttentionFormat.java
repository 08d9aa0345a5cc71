package wan4j.ops;

/// How an attention wants its queries, keys and values, so that norm and rotation can deliver them
/// in one pass. Each further format is a member of its own, with all that it takes to make it.
public sealed interface AttentionFormat {
  /// Formats that need nothing but their name.
  enum Simple implements AttentionFormat {
    /// Heads of the backend's activation type: [Heads].
    PLAIN
  }
}
