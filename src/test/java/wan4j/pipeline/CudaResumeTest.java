package wan4j.pipeline;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import wan4j.Device;
import wan4j.cuda.bind.Cuda;
import wan4j.engine.Backends;
import wan4j.ops.Ops;

final class CudaResumeTest extends ResumeContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  Ops open() {
    return Backends.open(Device.CUDA);
  }
}
