package wan4j.cpu;

import wan4j.ops.Ops;
import wan4j.ops.OpsContract;

class CpuOpsTest extends OpsContract {
  @Override
  protected Ops ops() {
    return new CpuOps();
  }

  @Override
  protected double tolerance() {
    return 1e-6;
  }
}
