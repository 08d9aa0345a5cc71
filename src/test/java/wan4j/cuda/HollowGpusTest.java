package wan4j.cuda;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The host's part of the CUDA backend, on GPUs that do nothing.
final class HollowGpusTest {
  @TempDir Path folder;

  @Test
  void theBlocksOfAForwardRepeatTheCallsOfTheOneBefore() throws Exception {
    HollowGpus.run(folder, RepeatedForwards.class);
  }

  @Test
  void forwardsThatRepeatAreRecordedAndPlayed() throws Exception {
    HollowGpus.run(folder, RecordedForwards.class);
  }

  @Test
  void ranksDivideTheWeightsOfBlocks() throws Exception {
    HollowGpus.run(folder, DividedForwards.class);
  }

  @Test
  void contextsGoWithTheirGpusThreadsAndFaults() throws Exception {
    HollowGpus.run(folder, HollowFaults.class);
  }
}
