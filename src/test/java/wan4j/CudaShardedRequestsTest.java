package wan4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import wan4j.EngineOptions.LoraMode;
import wan4j.cuda.bind.Cuda;

/// Ranks that share one GPU and copy each other's weights on it; with a GPU each where there are
/// two.
final class CudaShardedRequestsTest extends ShardedRequestsContract {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @Override
  EngineOptions options(
      Path checkpoint,
      Quantization quantization,
      List<LoraFile> loras,
      LoraMode mode,
      Offload offload) {
    return new EngineOptions(
        checkpoint, Device.CUDA, Arithmetic.BFLOAT16, quantization, loras, mode, offload, false);
  }

  @Override
  Ranks ranks(int count) {
    return count <= Cuda.count() ? Ranks.of(count) : Ranks.of(count).sharing();
  }
}
