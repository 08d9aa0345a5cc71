package wan4j.tensor;

/// A range of bytes that a backend owns: host memory, device memory, or nothing at all for shape
/// checks.
public interface Storage {
  /// Returns the length of the range in bytes.
  long bytes();

  /// Returns a part of the range that shares its memory.
  Storage slice(long offset, long bytes);
}
