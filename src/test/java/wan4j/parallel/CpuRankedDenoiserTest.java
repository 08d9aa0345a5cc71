package wan4j.parallel;

import wan4j.cpu.CpuOps;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;

class CpuRankedDenoiserTest extends RankedDenoiserContract {
  @Override
  protected Ops ops(int rank) {
    return new CpuOps();
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, int rank) {
    return new LocalCollectives(ops, meeting, rank);
  }
}
