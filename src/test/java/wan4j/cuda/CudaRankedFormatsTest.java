package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.parallel.LocalCollectives;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankedFormatsContract;

/// Ranks in bfloat16 that share one GPU and exchange heads by copies beside their other work.
class CudaRankedFormatsTest extends RankedFormatsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops(int rank) {
    return new CudaOps(Cuda.device().ordinal(), CudaTypes.BFLOAT16);
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, HostExchange host) {
    return ((CudaOps) ops).beside(new LocalCollectives(ops, meeting, host.rank()), host);
  }

  @Override
  protected double tolerance() {
    return 5e-3;
  }
}
