package wan4j.ops;

/// Queries, keys and values of an attention in the format that it was asked for. Each further
/// format is a record of its own; a backend that does not know it does not compile.
public sealed interface AttentionInput permits Heads {
  /// Returns the number of queries, which is that of the result's rows.
  int queries();

  /// Returns the number of keys and values.
  int keys();

  /// Returns the number of heads.
  int heads();

  /// Returns the number of elements of a head.
  int headSize();
}
