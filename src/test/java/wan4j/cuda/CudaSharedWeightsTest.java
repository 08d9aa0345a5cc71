package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Ops;
import wan4j.parallel.SharedWeightsContract;

/// Ranks that share one GPU, each of which copies the others' parts in a stream of its own.
class CudaSharedWeightsTest extends SharedWeightsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops(int rank) {
    return new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16);
  }
}
