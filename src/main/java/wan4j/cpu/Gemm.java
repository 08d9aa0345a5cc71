package wan4j.cpu;

import java.lang.foreign.MemorySegment;

/// Products of row-major float32 matrices on the calling thread; many threads may call at once.
interface Gemm {
  /// Writes `alpha a b + beta c` to `c [rows, columns]`, where `a` is `[rows, depth]` and `b` is
  /// `[columns, depth]` if transposed, else `[depth, columns]`; strides count elements from row to
  /// row.
  void multiply(
      boolean isTransposed,
      int rows,
      int columns,
      int depth,
      float alpha,
      Matrix a,
      Matrix b,
      float beta,
      Matrix c);

  /// Returns this machine's implementation: OpenBLAS, or our own where it cannot be loaded or the
  /// system property `wan4j.blas` is `vector`.
  static Gemm best() {
    boolean isRefused = "vector".equals(System.getProperty("wan4j.blas"));
    return isRefused || !OpenBlas.isPresent() ? new VectorGemm() : new OpenBlas();
  }

  /// A matrix within host memory: its first element and the elements from row to row.
  record Matrix(MemorySegment segment, int stride) {
    /// Returns the matrix that begins at float32 element `first` of a segment.
    static Matrix at(MemorySegment segment, long first, int stride) {
      return new Matrix(segment.asSlice(first * 4), stride);
    }
  }
}
