package wan4j.ops;

/// What a run of steps keeps between two of them and can go on from, in another process too.
public interface Saveable {
  /// Writes what there is, read from a backend, to `state`.
  void save(Ops ops, SavedState state);

  /// Puts back what `state` holds; throws `InputException` when that is of something else.
  void restore(Ops ops, SavedState state);
}
