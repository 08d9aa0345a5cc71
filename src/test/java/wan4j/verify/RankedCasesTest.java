package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.SeededRanks;
import wan4j.verify.Verifier.Result;

/// Reference cases that ranks divide pass as on one; those whose heads do not divide are named.
final class RankedCasesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static List<Result> results(int ranks, String... folders) {
    List<Result> results = new ArrayList<>();
    Verifier.runOnRanks(
        List.of(folders).stream().map(GOLDEN::resolve).toList(),
        Set.of(),
        Device.CPU,
        Arithmetic.FLOAT32,
        Ranks.of(ranks),
        results::add);
    return results;
  }

  private static void requirePassed(List<Result> results) {
    assertThat(results)
        .isNotEmpty()
        .allSatisfy(result -> {
          assertThat(result).isInstanceOf(Result.Compared.class);
          assertThat(((Result.Compared) result).passes()).as("%s", result).isTrue();
        });
  }

  /// Tokens with a timestep each, which do not divide, and branches of guidance apart.
  @ParameterizedTest
  @CsvSource({
    "3, dit/ti2v-4x3x5-random-t",
    "3, s2v-dit-clip0-pose",
    "2, pipeline/ti2v-image-dpmpp"
  })
  void casesPassOnRanks(int ranks, String folder) {
    requirePassed(results(ranks, folder));
  }

  @Test
  void networksOfFullHeadsPassOnRanks() {
    List<Result> results = new ArrayList<>();
    SeededRanks.run(Device.CPU, Arithmetic.FLOAT32, Ranks.of(5), results::add);
    assertThat(results.get(1))
        .isEqualTo(new Result.Undivided("ranks of 24 heads", "ti2v-5B, 24 heads"));
    requirePassed(List.of(results.get(0), results.get(2)));
  }

  @Test
  void whatRanksDoNotDivideIsLeftOut() {
    assertThat(results(2, "s2v-dit-clip0-pose", "schedulers"))
        .hasSizeGreaterThan(1)
        .allSatisfy(result -> assertThat(result).isInstanceOf(Result.Undivided.class))
        .contains(new Result.Undivided("s2v-dit of 3 heads", "s2v-dit-clip0-pose"));
  }
}
