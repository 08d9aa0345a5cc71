package wan4j;

import java.nio.file.Path;
import java.util.List;
import wan4j.EngineOptions.LoraMode;

/// On the processors, ranks are threads.
final class ShardedRequestsTest extends ShardedRequestsContract {
  @Override
  EngineOptions options(
      Path checkpoint,
      Quantization quantization,
      List<LoraFile> loras,
      LoraMode mode,
      Offload offload) {
    return new EngineOptions(
        checkpoint, Device.CPU, Arithmetic.BFLOAT16, quantization, loras, mode, offload, false);
  }
}
