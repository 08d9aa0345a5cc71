package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;

class ArithmeticTest {
  @Test
  void flagsNameAnArithmetic() {
    assertThat(Arithmetic.of("bf16", false)).isEqualTo(Arithmetic.BFLOAT16);
    assertThat(Arithmetic.of("fp32", false)).isEqualTo(Arithmetic.FLOAT32);
    assertThat(Arithmetic.of("fp32", true)).isEqualTo(Arithmetic.TF32);
  }

  @Test
  void aResidualStreamIsNarrowedOnlyOnAGpuInBfloat16() {
    assertThat(Arithmetic.BFLOAT16.residual(Device.CUDA)).isEqualTo(DType.F32);
    Arithmetic narrow = Arithmetic.BFLOAT16.withResidual("bf16", Device.CUDA);
    assertThat(narrow.residual(Device.CUDA)).isEqualTo(DType.BF16);
    assertThat(narrow.spelling(Device.CUDA)).isEqualTo("bf16");
    assertThat(Arithmetic.TF32.withResidual("fp32", Device.CUDA)).isEqualTo(Arithmetic.TF32);
    assertThatThrownBy(() -> Arithmetic.BFLOAT16.withResidual("bf16", Device.CPU))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--device cpu");
    assertThatThrownBy(() -> Arithmetic.FLOAT32.withResidual("bf16", Device.CUDA))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--precision fp32");
    assertThatThrownBy(() -> Arithmetic.BFLOAT16.withResidual("fp16", Device.CUDA))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("give bf16 or fp32");
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
