package wan4j.cpu;

import wan4j.ops.Ops;
import wan4j.ops.SideBranchContract;

/// The plain loops, which the contract compares with merged weights.
class ScalarSideBranchTest extends SideBranchContract {
  @Override
  protected Ops ops() {
    return CpuOps.scalar();
  }

  @Override
  protected double tolerance() {
    return 1e-6;
  }
}
