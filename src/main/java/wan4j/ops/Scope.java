package wan4j.ops;

/// Tensors made while a scope is the innermost open one die when it closes; scopes close in the
/// reverse order of opening.
public interface Scope extends AutoCloseable {
  @Override
  void close();
}
