package wan4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.Nccl;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.parallel.Meeting;
import wan4j.parallel.RanksContract;

/// Ranks with a GPU each that exchange through NCCL, as many as there are GPUs.
class CudaNcclTest extends RanksContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  protected Ops ops(int rank) {
    return new CudaOps(Cuda.device(rank).ordinal(), CudaTypes.FLOAT32);
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, int rank) {
    byte[] name = rank == 0 ? Nccl.uniqueId() : new byte[0];
    byte[] first = meeting.meet(rank, byte[].class, name).getFirst();
    return ((CudaOps) ops).join(first, meeting.ranks(), rank, cause -> meeting.fail(rank, cause));
  }

  @Override
  protected int most() {
    return Cuda.count();
  }

  @Override
  protected double tolerance() {
    return 1e-5;
  }
}
