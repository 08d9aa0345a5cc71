package wan4j;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.HollowGpus;

/// A request on a GPU loads no library that only processors need.
final class CudaLibrariesTest {
  @TempDir Path folder;

  @Test
  void aRequestOnAGpuLoadsNoOpenBlas() throws Exception {
    HollowGpus.run(folder, RequestOnHollowGpu.class, "demo/checkpoint/t2v");
  }
}
