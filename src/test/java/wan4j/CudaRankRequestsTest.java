package wan4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import wan4j.cuda.bind.Cuda;

/// Ranks that share one GPU and exchange by copies on it.
final class CudaRankRequestsTest extends RankRequestsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  EngineOptions options(Path checkpoint) {
    return new EngineOptions(
        checkpoint, Device.CUDA, Arithmetic.FLOAT32, Quantization.STORED, false, false);
  }

  @Override
  Ranks ranks(int count) {
    return Ranks.of(count).sharing();
  }
}
