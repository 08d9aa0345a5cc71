package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.cuda.HollowGpus;
import wan4j.cuda.KernelInstances;

/// The list of kernels' instances that are compiled in tests holds all that full-size networks ask
/// for, and nothing else; and the plan of memory counts what their operations take. One walk tells
/// both. `-Dwan4j.walk=whole` also walks what only repeats instances.
final class KernelWalkTest {
  private static final Path LIST = Path.of("src/test/resources/wan4j/cuda/kernels.txt");
  private static final String WHOLE =
      String.valueOf(System.getProperty("wan4j.walk", "").equals("whole"));
  private static final Path LISTS = Path.of("src/main/resources/wan4j/cuda");
  private static final Path FOUND = Path.of("target/kernels.txt");

  @TempDir private static Path folder;

  @BeforeAll
  static void walk() throws Exception {
    HollowGpus.run(
        folder,
        KernelWalk.class,
        WHOLE,
        Files.createDirectory(folder.resolve("walk")).toString(),
        FOUND.toString(),
        folder.resolve("device.txt").toString(),
        folder.resolve("planned.txt").toString());
  }

  @Test
  void theListOfKernelsIsWhatFullSizeNetworksAskFor() throws IOException {
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
  void thePlanOfMemoryCountsEachOperationOfTheBackendToTheByte() throws IOException {
    List<String> device = Files.readAllLines(folder.resolve("device.txt"));
    assertThat(device).hasSizeGreaterThan(1000);
    assertThat(Files.readAllLines(folder.resolve("planned.txt"))).containsExactlyElementsOf(device);
  }
}
