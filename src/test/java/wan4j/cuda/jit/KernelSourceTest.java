package wan4j.cuda.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class KernelSourceTest {
  @Test
  void constantsStandByNameAboveTheFile() {
    var source =
        KernelSource.of(
            "probe.cu", Map.of("ROWS", 8, "BIG", 1L << 40, "FACTOR", 2.5f, "FAST", true));
    assertThat(source.program())
        .isEqualTo(
            """
            constexpr long long BIG = 1099511627776LL;
            constexpr float FACTOR = 0x1.4p1f;
            constexpr bool FAST = true;
            constexpr int ROWS = 8;
            #include "probe.cu"
            """);
  }

  @Test
  void everythingThatIsIncludedComesAlong() {
    assertThat(KernelSource.of("including.cu", Map.of()).texts())
        .containsOnlyKeys("including.cu", "first.cuh", "second.cuh");
  }

  @Test
  void headersOfTheToolkitAreRefused() {
    assertThatThrownBy(() -> KernelSource.of("toolkit.cu", Map.of()).texts())
        .hasMessageContaining("toolkit.cu includes <cuda_bf16.h>")
        .hasMessageContaining("does not come with NVRTC");
  }

  /// NVRTC refuses a function of the host, which nvcc takes in constants; constructors and lambdas
  /// have no type before their name.
  @Test
  void everyFunctionIsOneOfTheDevice() throws IOException {
    Pattern function =
        Pattern.compile(
            "^(template *<[^>]*> *)?((static|inline|constexpr) +)*[\\w:<>]+[ *&]+\\w+\\([^;]*\\)"
                + " *\\{.*");
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      for (Path file : files.toList()) {
        assertThat(Files.readAllLines(file))
            .as(file.toString())
            .filteredOn(line -> function.matcher(line).matches())
            .allSatisfy(line -> assertThat(line).containsAnyOf("__device__", "__global__"));
      }
    }
  }

  @Test
  void anUnknownFileIsNamed() {
    assertThatThrownBy(() -> KernelSource.of("nowhere.cu", Map.of()).texts())
        .hasMessageContaining("no kernel file named nowhere.cu");
  }

  @Test
  void constantsOfOtherNamesAndTypesAreRefused() {
    assertThatThrownBy(() -> KernelSource.of("probe.cu", Map.of("rows", 8)))
        .hasMessageContaining("named in capitals, got rows");
    assertThatThrownBy(() -> KernelSource.of("probe.cu", Map.of("ROWS", "8")))
        .hasMessageContaining("Integer, Long, Float or Boolean, got ROWS = 8");
  }

  @Test
  void aSourceDoesNotChangeWithWhatItWasMadeOf() {
    var constants = new TreeMap<String, Object>(Map.of("ROWS", 8));
    var source = new KernelSource("probe.cu", constants, List.of());
    constants.put("ROWS", 9);
    assertThat(source.constants()).containsEntry("ROWS", 8);
  }
}
