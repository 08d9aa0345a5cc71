package wan4j.parallel;

import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;

class CpuSharedWeightsTest extends SharedWeightsContract {
  @Override
  protected Ops ops(int rank) {
    return new CpuOps();
  }
}
