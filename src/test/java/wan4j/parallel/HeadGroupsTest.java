package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// How a rank cuts its heads so that exchanges hide behind attention.
final class HeadGroupsTest {
  /// 81 frames of 720P and 480P in bfloat16 and in 8 bits, on 2 to 8 ranks; and what is too little.
  @ParameterizedTest
  @CsvSource({
    "20, 75600, 2, 6, 1 18 1",
    "20, 75600, 2, 3, 1 18 1",
    "10, 75600, 4, 6, 1 8 1",
    "8, 75600, 5, 3, 1 6 1",
    "5, 75600, 8, 6, 1 3 1",
    "5, 75600, 8, 3, 1 3 1",
    "20, 32760, 2, 6, 2 17 1",
    "5, 32760, 8, 3, 1 3 1",
    "20, 9450, 2, 6, 4 14 2", // attention is short: more of it must go before
    "2, 75600, 20, 6, 2",
    "1, 75600, 40, 6, 1",
    "5, 1560, 8, 6, 5",
    "40, 75600, 1, 6, 40",
  })
  void headsTravelWhileOthersCompute(int heads, int tokens, int ranks, int bytes, String expected) {
    HeadGroups groups = new HeadGroups(heads, 128, tokens, ranks, bytes, 2);
    assertThat(String.join(" ", groups.sizes().stream().map(String::valueOf).toList()))
        .isEqualTo(expected);
  }
}
