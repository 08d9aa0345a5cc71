package wan4j.parallel;

import wan4j.cpu.CpuOps;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;

class CpuRankedFormatsTest extends RankedFormatsContract {
  @Override
  protected Ops ops(int rank) {
    return new CpuOps();
  }

  @Override
  protected Collectives collectives(Ops ops, Meeting meeting, HostExchange host) {
    return new LocalCollectives(ops, meeting, host.rank());
  }

  @Override
  protected double tolerance() {
    return 1e-5;
  }

  @Override
  protected int headSize() {
    return 16;
  }
}
