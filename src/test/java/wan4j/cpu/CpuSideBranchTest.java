package wan4j.cpu;

import wan4j.ops.Ops;
import wan4j.ops.SideBranchContract;

class CpuSideBranchTest extends SideBranchContract {
  @Override
  protected Ops ops() {
    return new CpuOps();
  }

  @Override
  protected double tolerance() {
    return 1e-6;
  }
}
