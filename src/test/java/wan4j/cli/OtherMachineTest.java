package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What machines get that have a driver but nothing that wan4j can run on.
final class OtherMachineTest {
  private static final String CASES = "src/test/resources/golden/schedulers";

  @TempDir Path folder;

  @Test
  void aGpuOfAnotherGenerationIsRefusedAtOnceAndTheProcessorsWork() throws Exception {
    OtherMachine machine = new OtherMachine(folder).withDriver(13_000, 8);
    assertRefused(
        machine.run("verify", CASES, "--device", "cuda"),
        "device cuda cannot be used: Card 0 has compute capability 8.0 and wan4j's kernels need 9.x"
            + " (Hopper: H100, H200); use --device cpu");
    Terminal processors = machine.run("verify", CASES, "--device", "cpu");
    assertThat(processors.code()).as(processors.error()).isZero();
    assertThat(processors.out()).contains("12 passed, 0 failed");
  }

  @Test
  void theProcessorsArePreferredToAGpuThatCannotBeUsed() throws Exception {
    OtherMachine machine = new OtherMachine(folder).withDriver(13_000, 8);
    assertRefused(
        machine.run("generate", "--ckpt_dir", "demo/checkpoint/t2v", "--precision", "bf16"),
        "--precision bf16 was given, but the CPU, which computes in fp32 alone, has to do here (Card"
            + " 0 has compute capability 8.0 and wan4j's kernels need 9.x (Hopper: H100, H200); use"
            + " --device cpu); leave it out, or give this machine a GPU");
  }

  @Test
  void aDriverThatIsTooOldIsRefusedAtOnceAndTheProcessorsWork() throws Exception {
    OtherMachine machine = new OtherMachine(folder).withDriver(11_080, 9);
    assertRefused(
        machine.run("verify", CASES, "--device", "cuda"),
        "device cuda cannot be used: the NVIDIA driver serves CUDA 11.8 and wan4j needs 12.0 or"
            + " newer (driver 525 or newer); update the driver");
    Terminal doctor = machine.run("doctor");
    assertThat(doctor.code()).as(doctor.error()).isZero();
    assertThat(doctor.out())
        .contains("--device cpu   can be used", "--device cuda  cannot be used on this machine");
  }

  @Test
  void doctorTellsThatCudnnIsBuiltForAnotherGeneration() throws Exception {
    OtherMachine machine =
        new OtherMachine(folder).withDriver(12_080, 8, 9).withCudnn(91_900, 13_000);
    Terminal doctor = machine.run("doctor");
    assertThat(doctor.out())
        .contains("compute capability 9.x is needed: it stays unused")
        .doesNotContain("a Hopper GPU")
        .contains(
            "cuDNN at %s is built for CUDA 13.0 and the NVIDIA driver serves CUDA 12.8, which needs a build for CUDA 12; get it with: pip install --upgrade nvidia-cudnn-cu12"
                .formatted(folder.resolve("libcudnn.so.9")))
        .contains("--device cuda  cannot be used on this machine");
  }

  private static void assertRefused(Terminal run, String sentence) {
    assertThat(run.code()).as(run.error()).isEqualTo(2);
    assertThat(run.error().lines().filter(line -> line.startsWith("wan4j")))
        .containsExactly("wan4j: " + sentence);
    assertThat(run.error()).doesNotContain("\tat ");
  }
}
