package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.tensor.InputException;

class ArithmeticTest {
  @Test
  void flagsNameAnArithmetic() {
    assertThat(Arithmetic.of("bf16", false)).isEqualTo(Arithmetic.BFLOAT16);
    assertThat(Arithmetic.of("fp32", false)).isEqualTo(Arithmetic.FLOAT32);
    assertThat(Arithmetic.of("fp32", true)).isEqualTo(Arithmetic.TF32);
  }

  @Test
  void whatDoesNotGoTogetherIsRefusedWithTheCure() {
    assertThatThrownBy(() -> Arithmetic.of("fp16", false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bf16 or fp32");
    assertThatThrownBy(() -> Arithmetic.of("bf16", true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--precision fp32");
  }
}
