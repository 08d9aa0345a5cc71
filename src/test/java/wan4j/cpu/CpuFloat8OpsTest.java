package wan4j.cpu;

import wan4j.ops.Float8OpsContract;
import wan4j.ops.Ops;

class CpuFloat8OpsTest extends Float8OpsContract {
  @Override
  protected Ops ops() {
    return new CpuOps();
  }

  @Override
  protected double tolerance() {
    return 1e-6;
  }
}
