package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.tensor.InputException;

final class UlyssesGroupTest {
  @Test
  void headsThatDoNotDivideAreRefusedWithThoseThatDo() {
    assertThatThrownBy(() -> UlyssesGroup.require(24, 5))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--ulysses_size got 5, but the model has 24 attention heads; give one of 1, 2, 3, 4, 6,"
                + " 8, 12, 24");
  }
}
