package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.parallel.LocalCollectives;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankedDenoiserContract;

/// Ranks that share one GPU and exchange by copies on it.
class CudaRankedDenoiserTest extends RankedDenoiserContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops(int rank) {
    return new CudaOps(Cuda.device().ordinal(), CudaTypes.FLOAT32);
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, int rank) {
    return new LocalCollectives(ops, meeting, rank);
  }
}
