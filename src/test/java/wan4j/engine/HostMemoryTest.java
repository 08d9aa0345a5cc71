package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HostMemoryTest {
  @TempDir private Path root;

  @BeforeEach
  void aMachineOf64Gibibytes() throws IOException {
    write("proc/meminfo", "MemTotal:       67108864 kB\nMemFree:        123 kB\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  @Test
  void withoutALimitItIsTheMachines() throws IOException {
    assertThat(HostMemory.bytes(root)).isEqualTo(64L << 30);
    write("proc/self/cgroup", "0::/user/work\n");
    write("sys/fs/cgroup/user/work/memory.max", "max\n");
    assertThat(HostMemory.bytes(root)).isEqualTo(64L << 30);
  }

  @Test
  void theNarrowestOfTheGroupsAroundTheProcessCounts() throws IOException {
    write("proc/self/cgroup", "3:cpu:/elsewhere\n0::/user/work\n");
    write("sys/fs/cgroup/user/memory.max", "8000000000\n");
    write("sys/fs/cgroup/user/work/memory.max", "9000000000\n");
    assertThat(HostMemory.bytes(root)).isEqualTo(8_000_000_000L);
  }

  @Test
  void anotherSystemDoesNotTell() {
    assertThat(HostMemory.bytes(root.resolve("none"))).isZero();
  }
}
