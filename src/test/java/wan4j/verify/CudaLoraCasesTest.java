package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.cuda.bind.Cuda;

/// The reference cases of LoRA and FP8 on a GPU.
final class CudaLoraCasesTest {
  @BeforeAll
  static void needsAGpu() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
  }

  @ParameterizedTest
  @EnumSource(
      value = Arithmetic.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = "BFLOAT16_RESIDUAL") // measured by verify, and not promised
  void everyCarriedCasePasses(Arithmetic arithmetic) {
    List<Verifier.Result> results = new ArrayList<>();
    try (Backend backend = Backend.open(Device.CUDA, arithmetic)) {
      Verifier.run(
          List.of(Path.of("src/test/resources/golden")),
          Set.of("lora", "fp8"),
          backend,
          results::add);
    }
    assertThat(results).isNotEmpty();
    for (Verifier.Result result : results) {
      assertThat(result).isInstanceOf(Verifier.Result.Compared.class);
      assertThat(((Verifier.Result.Compared) result).passes()).as("%s", result).isTrue();
    }
  }
}
