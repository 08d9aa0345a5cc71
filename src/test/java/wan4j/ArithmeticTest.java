package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;

class ArithmeticTest {
  @Test
  void flagsNameAnArithmetic() {
    assertThat(Arithmetic.of(null, false, Device.CUDA, null)).isEqualTo(Arithmetic.BFLOAT16);
    assertThat(Arithmetic.of("bf16", false, Device.CUDA, null)).isEqualTo(Arithmetic.BFLOAT16);
    assertThat(Arithmetic.of("fp32", false, Device.CUDA, null)).isEqualTo(Arithmetic.FLOAT32);
    assertThat(Arithmetic.of("fp32", true, Device.CUDA, null)).isEqualTo(Arithmetic.TF32);
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
    assertThatThrownBy(() -> Arithmetic.of("fp16", false, Device.CUDA, null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bf16 or fp32");
    assertThatThrownBy(() -> Arithmetic.of("fp16", false, Device.CPU, null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bf16 or fp32");
    for (String precision : new String[] {"bf16", null}) {
      assertThatThrownBy(() -> Arithmetic.of(precision, true, Device.CUDA, null))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--precision fp32");
    }
  }

  @Test
  void aProcessorTakesFloat32AndRefusesTheRestByItsFlag() {
    assertThat(Arithmetic.of(null, false, Device.CPU, null)).isEqualTo(Arithmetic.FLOAT32);
    assertThat(Arithmetic.of("fp32", false, Device.CPU, "no GPU")).isEqualTo(Arithmetic.FLOAT32);
    assertThatThrownBy(() -> Arithmetic.of("bf16", false, Device.CPU, null))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--precision bf16 was given, but the CPU computes in fp32 alone; leave it out, or give"
                + " --device cuda");
    for (String precision : new String[] {"fp32", null}) {
      assertThatThrownBy(() -> Arithmetic.of(precision, true, Device.CPU, null))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith("--tf32 was given, but the CPU computes in fp32 alone");
    }
  }

  @Test
  void theReasonIsToldWhereTheProcessorWasNotAskedFor() {
    assertThatThrownBy(() -> Arithmetic.of("bf16", false, Device.CPU, "the driver is old"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--precision bf16 was given, but the CPU, which computes in fp32 alone, has to do here"
                + " (the driver is old); leave it out, or give this machine a GPU");
  }
}
