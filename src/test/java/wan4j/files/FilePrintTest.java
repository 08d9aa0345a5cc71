package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FilePrintTest {
  @TempDir Path folder;

  private String print(String name, byte[] bytes) throws IOException {
    return FilePrint.of(List.of(Files.write(folder.resolve(name), bytes)));
  }

  @Test
  void itIsOfTheContentAndNotOfTheName() throws IOException {
    byte[] bytes = new byte[3_000_000];
    new Random(1).nextBytes(bytes);
    String print = print("a", bytes);
    assertThat(print).matches("[0-9a-f]{16}").isEqualTo(print("b", bytes));
    assertThat(print("c", Arrays.copyOf(bytes, bytes.length - 1))).isNotEqualTo(print);
    for (int at : new int[] {0, bytes.length - 1}) {
      byte[] other = bytes.clone();
      other[at]++;
      assertThat(print("d", other)).isNotEqualTo(print);
    }
    // fine-tuned weights differ everywhere
    byte[] tuned = bytes.clone();
    for (int i = 100_000; i < tuned.length - 100_000; i += 2) {
      tuned[i]++;
    }
    assertThat(print("e", tuned)).isNotEqualTo(print);
  }

  @Test
  void shortAndEmptyFilesHaveOneToo() throws IOException {
    assertThat(print("a", new byte[0])).isNotEqualTo(print("b", new byte[1]));
    assertThat(print("a", new byte[] {1})).isNotEqualTo(print("b", new byte[] {2}));
    assertThat(print("a", new byte[5000])).isNotEqualTo(print("b", new byte[5001]));
  }
}
