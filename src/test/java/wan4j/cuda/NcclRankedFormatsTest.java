package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.Nccl;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankedFormatsContract;

/// Ranks in bfloat16 with a GPU each, as many as there are, which read each other's memory beside
/// their other work and exchange the rest through NCCL.
class NcclRankedFormatsTest extends RankedFormatsContract {
  @BeforeAll
  static void needsGpus() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops(int rank) {
    return new CudaOps(Cuda.device(rank).ordinal(), CudaTypes.BFLOAT16);
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, HostExchange host) {
    int rank = host.rank();
    byte[] name = rank == 0 ? Nccl.uniqueId() : new byte[0];
    byte[] first = meeting.meet(rank, byte[].class, name).getFirst();
    CudaOps gpu = (CudaOps) ops;
    Collectives joined = gpu.join(first, meeting.ranks(), rank, cause -> meeting.fail(rank, cause));
    return gpu.beside(joined, host);
  }

  @Override
  protected int most() {
    return Cuda.count();
  }

  @Override
  protected double tolerance() {
    return 5e-3;
  }
}
