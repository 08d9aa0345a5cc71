package wan4j.cpu;

import wan4j.ops.Ops;
import wan4j.ops.StoredCodesContract;

class CpuStoredCodesTest extends StoredCodesContract {
  @Override
  protected Ops ops() {
    return new CpuOps();
  }
}
