package wan4j;

import java.nio.file.Path;

/// On the processors, ranks are threads.
final class RankRequestsTest extends RankRequestsContract {
  @Override
  EngineOptions options(Path checkpoint) {
    return new EngineOptions(checkpoint, Device.CPU, false, false);
  }
}
