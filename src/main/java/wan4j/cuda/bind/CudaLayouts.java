package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;

/// Layouts of the C structs that are passed to libraries, as in their headers.
final class CudaLayouts {
  /// `CUtensorMap` of cuda.h: opaque, aligned to 64 bytes in CUDA 12 and to 128 in CUDA 13.
  static final StructLayout TENSOR_MAP =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(16, JAVA_LONG).withName("opaque"))
          .withByteAlignment(128)
          .withName("CUtensorMap");

  /// `cublasLtMatmulAlgo_t` of cublasLt.h: opaque, and serialised as it is.
  static final StructLayout MATMUL_ALGORITHM =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(8, JAVA_LONG).withName("data"))
          .withName("cublasLtMatmulAlgo_t");

  /// `cublasLtMatmulHeuristicResult_t` of cublasLt.h.
  static final StructLayout MATMUL_HEURISTIC =
      MemoryLayout.structLayout(
              MATMUL_ALGORITHM.withName("algo"),
              JAVA_LONG.withName("workspaceSize"),
              JAVA_INT.withName("state"),
              JAVA_FLOAT.withName("wavesCount"),
              MemoryLayout.sequenceLayout(4, JAVA_INT).withName("reserved"))
          .withName("cublasLtMatmulHeuristicResult_t");

  /// `ncclUniqueId` of nccl.h, which travels by value.
  static final StructLayout UNIQUE_ID =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(128, JAVA_BYTE).withName("internal"))
          .withName("ncclUniqueId");

  private CudaLayouts() {}

  static long offset(StructLayout layout, String field) {
    return layout.byteOffset(MemoryLayout.PathElement.groupElement(field));
  }
}
