package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Float8OpsContract;
import wan4j.ops.Ops;

/// The contract of FP8 layers in bfloat16, whose rounding is 2e-3 a value.
class CudaFloat8OpsTest extends Float8OpsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops() {
    return new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16);
  }

  @Override
  protected double tolerance() {
    return 6e-3;
  }
}
