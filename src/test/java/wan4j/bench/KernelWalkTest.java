package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.HollowGpus;
import wan4j.cuda.KernelInstances;

/// The list of kernels' instances that are compiled in tests holds all that full-size networks ask
/// for, and nothing else. `-Dwan4j.walk=whole` also walks what only repeats instances.
final class KernelWalkTest {
  private static final Path LIST = Path.of("src/test/resources/wan4j/cuda/kernels.txt");
  private static final String WHOLE =
      String.valueOf(System.getProperty("wan4j.walk", "").equals("whole"));
  private static final Path LISTS = Path.of("src/main/resources/wan4j/cuda");
  private static final Path FOUND = Path.of("target/kernels.txt");

  @TempDir Path folder;

  @Test
  void theListOfKernelsIsWhatFullSizeNetworksAskFor() throws Exception {
    HollowGpus.run(
        folder,
        KernelWalk.class,
        WHOLE,
        Files.createDirectory(folder.resolve("walk")).toString(),
        FOUND.toString());
    assertThat(Files.readAllLines(FOUND))
        .as("what %s holds goes to %s where kernels have changed", FOUND, LIST)
        .isEqualTo(KernelInstances.lines());
    for (int width : new int[] {5120, 3072}) {
      Path list = LISTS.resolve(KernelWalk.list(width));
      assertThat(FOUND.resolveSibling(KernelWalk.list(width)))
          .as("goes to %s where kernels have changed", list)
          .hasSameTextualContentAs(list);
    }
  }

  @Test
  void thePlanOfMemoryCountsEachOperationOfTheBackendToTheByte() throws Exception {
    Path device = folder.resolve("device.txt");
    Path planned = folder.resolve("planned.txt");
    HollowGpus.run(
        folder,
        MemoryWalk.class,
        WHOLE,
        Files.createDirectory(folder.resolve("walk")).toString(),
        device.toString(),
        planned.toString());
    assertThat(Files.readAllLines(device)).hasSizeGreaterThan(1000);
    assertThat(Files.readAllLines(planned)).containsExactlyElementsOf(Files.readAllLines(device));
  }
}
