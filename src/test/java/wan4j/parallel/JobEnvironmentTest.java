package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.InputException;

final class JobEnvironmentTest {
  private static final Map<String, String> TORCHRUN =
      Map.of(
          "RANK", "3",
          "WORLD_SIZE", "4",
          "LOCAL_RANK", "1",
          "LOCAL_WORLD_SIZE", "2",
          "MASTER_ADDR", "first.example",
          "MASTER_PORT", "29500");

  @Test
  void theVariablesOfALauncherAreRead() {
    assertThat(JobEnvironment.of(TORCHRUN))
        .isEqualTo(new JobEnvironment(3, 4, 1, 2, "first.example", 29_501, null));
  }

  @Test
  void withoutALauncherThereIsNoJob() {
    assertThat(JobEnvironment.of(Map.of("MASTER_ADDR", "a", "RANK", " "))).isNull();
  }

  @Test
  void theSecretIsReadAndNotShown() {
    JobEnvironment environment =
        JobEnvironment.of(
            with("WAN4J_JOB_SECRET", "0123456789abcdef", "WAN4J_PORT", "7", "MASTER_PORT", ""));
    assertThat(environment.secret()).isEqualTo("0123456789abcdef");
    assertThat(environment.port()).isEqualTo(7);
    assertThat(environment.toString()).doesNotContain("0123456789abcdef");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "RANK||this process is part of a job (WORLD_SIZE is set), but RANK is not set; have the"
            + " launcher set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or unset"
            + " RANK and WORLD_SIZE",
        "MASTER_PORT||this process is part of a job (RANK is set), but MASTER_PORT is not set; have"
            + " the launcher set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or"
            + " unset RANK and WORLD_SIZE",
        "RANK|4|RANK is 4 and WORLD_SIZE 4; expected a number below it: correct the launcher's"
            + " variables",
        "LOCAL_RANK|2|LOCAL_RANK is 2 and LOCAL_WORLD_SIZE 2; expected a number below it: correct"
            + " the launcher's variables",
        "LOCAL_WORLD_SIZE|8|LOCAL_WORLD_SIZE is 8 and WORLD_SIZE 4; expected no more ranks on a"
            + " host than in the job: correct the launcher's variables",
        "WORLD_SIZE|four|WORLD_SIZE is \"four\"; expected a whole number from 1 to 1024: correct"
            + " the launcher's variables",
        "RANK|-1|RANK is \"-1\"; expected a whole number from 0 to 1023: correct the launcher's"
            + " variables",
        "MASTER_PORT|65535|MASTER_PORT is \"65535\"; expected a whole number from 1 to 65534:"
            + " correct the launcher's variables",
        "WAN4J_PORT|0|WAN4J_PORT is \"0\"; expected a whole number from 1 to 65535: correct the"
            + " launcher's variables",
        "WAN4J_JOB_SECRET|short|WAN4J_JOB_SECRET has 5 characters; expected 16 or more: give all"
            + " ranks the same, such as the output of openssl rand -hex 32",
      })
  void whatIsMissingWrongOrContradictoryIsOneSentence(String name, String value, String sentence) {
    assertThatThrownBy(() -> JobEnvironment.of(with(name, value == null ? "" : value)))
        .isInstanceOf(InputException.class)
        .hasMessage(sentence);
  }

  private static Map<String, String> with(String... pairs) {
    Map<String, String> variables = new HashMap<>(TORCHRUN);
    for (int i = 0; i < pairs.length; i += 2) {
      variables.put(pairs[i], pairs[i + 1]);
    }
    return variables;
  }
}
