package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.jit.KernelCache;
import wan4j.ops.OperandFormat;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// What no GPU can hold is refused with the numbers, and the backend goes on.
class CudaRefusalTest {
  private static final long FAR_TOO_MANY = 1L << 44;
  private static final long LIMIT = 1L << 30; // less than a GPU that others use too has free

  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Test
  void aTensorLargerThanTheGpuIsRefusedWithTheNumbers() {
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16)) {
      try (var _ = ops.scope()) {
        assertThatThrownBy(() -> ops.empty(DType.F32, FAR_TOO_MANY))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("67,108,864 MiB");
      }
      try (var _ = ops.scope()) {
        Tensor x = ops.upload(Tensor.of(new float[] {1, 2, 3}, 3), DType.F32);
        assertThat(ops.download(x).toFloats()).containsExactly(1, 2, 3);
      }
    }
  }

  @Test
  void whatFitsIsWhatALimitLeaves() {
    KernelCache cache = KernelCache.ofUser();
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16, cache, LIMIT)) {
      assertThat(ops.availableBytes()).isEqualTo(LIMIT);
      try (var _ = ops.scope()) {
        ops.empty(DType.F32, 1 << 20);
        assertThat(ops.availableBytes()).isEqualTo(LIMIT);
        assertThatThrownBy(() -> ops.empty(DType.U8, LIMIT))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("of 1,024 MiB free");
      }
    }
  }

  /// The room for rows that wait for the scale of them all is refused in the middle of an
  /// operation.
  @Test
  void anOperationThatIsRefusedHalfWayGivesBackWhatItHad() {
    KernelCache cache = KernelCache.ofUser();
    long rows = 420_000_000 / 512;
    try (CudaOps ops = new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16, cache, LIMIT)) {
      assertThatThrownBy(
              () -> {
                try (var _ = ops.scope()) {
                  Tensor x = ops.empty(DType.BF16, rows, 256);
                  Tensor weight = ops.empty(DType.F32, 256);
                  ops.rmsNorm(x, weight, 1e-6, OperandFormat.Simple.FLOAT8_CURRENT);
                }
              })
          .isInstanceOf(InputException.class)
          .hasMessageContaining("of 1,024 MiB free")
          .hasNoSuppressedExceptions();
      ops.reserve(700 << 20, 700 << 20);
      try (var _ = ops.scope()) {
        assertThat(ops.empty(DType.U8, 700 << 20).bytes()).isEqualTo(700 << 20);
      }
    }
  }
}
