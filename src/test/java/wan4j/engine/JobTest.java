package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.InputException;

/// Which processes fit together.
final class JobTest {
  private static String request(String checkpoint, String prompt) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put("checkpoint", checkpoint);
    flags.put("prompt", prompt);
    return Job.lines(flags);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a1 | a ball |",
        "b2 | a ball | rank 1 of 2 has another checkpoint (fingerprint b2) than rank 0 (a1); give"
            + " all ranks the same weights",
        "a1 | a cat | rank 1 of 2 has \"a cat\" for prompt where rank 0 has \"a ball\"; give all"
            + " ranks the same request and files",
      })
  void anotherRequestIsNamed(String checkpoint, String prompt, String mistake) {
    assertThat(Job.mistake(List.of(request("a1", "a ball"), request(checkpoint, prompt))))
        .isEqualTo(mistake);
  }

  @Test
  void aPromptOfManyLinesIsOneValue() {
    String two = request("a1", "a ball\nthat rolls");
    assertThat(Job.mistake(List.of(two, two))).isNull();
    assertThat(Job.mistake(List.of(two, request("a1", "a ball\nthat rests")))).contains("rests");
  }

  @Test
  void oneProcessOfALauncherIsNoJob() {
    Map<String, String> alone =
        Map.of(
            "RANK", "0",
            "WORLD_SIZE", "1",
            "LOCAL_RANK", "0",
            "MASTER_ADDR", "localhost",
            "MASTER_PORT", "29500");
    assertThat(Job.isNamedBy(alone)).isFalse();
    Map<String, String> two = new LinkedHashMap<>(alone);
    two.put("WORLD_SIZE", "2");
    assertThatThrownBy(() -> Job.requireNone(two, "demo"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("this process is 0 of 2, but demo is the work of one");
  }
}
