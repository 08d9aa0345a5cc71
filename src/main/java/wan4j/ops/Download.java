package wan4j.ops;

import wan4j.tensor.Tensor;

/// A copy of a tensor on its way to the host, for which other work need not wait. Each is awaited
/// once, before its backend is closed.
@FunctionalInterface
public interface Download {
  /// Waits for the copy, and for nothing that was asked for after it, and returns it in host memory
  /// of its own; any thread may wait.
  Tensor await();
}
