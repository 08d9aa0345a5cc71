package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Ops;
import wan4j.ops.OpsContract;

/// The contract in bfloat16 with the residual stream in it too.
class CudaNarrowResidualTest extends OpsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops() {
    return new CudaOps(0, CudaTypes.BFLOAT16_RESIDUAL);
  }

  @Override
  protected double tolerance() {
    return 8e-3; // what is added to the stream is rounded once more
  }
}
