package wan4j.pipeline;

import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;

final class CpuResumeTest extends ResumeContract {
  @Override
  Ops open() {
    return new CpuOps();
  }
}
