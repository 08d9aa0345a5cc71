package wan4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;

/// Ranks with a GPU each, as many as there are.
final class NcclRankRequestsTest extends RankRequestsContract {
  @BeforeAll
  static void needsGpus() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  EngineOptions options(Path checkpoint) {
    return new EngineOptions(
        checkpoint, Device.CUDA, Arithmetic.FLOAT32, Quantization.STORED, false, false);
  }

  @Override
  int most() {
    return Cuda.count();
  }
}
