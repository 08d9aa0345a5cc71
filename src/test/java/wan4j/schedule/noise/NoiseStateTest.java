package wan4j.schedule.noise;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.ops.SavedState;
import wan4j.ops.plan.NullOps;
import wan4j.tensor.Shape;

/// A generator goes on from a saved state as it would have gone on itself.
final class NoiseStateTest {
  @ParameterizedTest
  @CsvSource({"CPU, 3", "CPU, 1000", "CUDA, 3", "CUDA, 1000"})
  void aGeneratorGoesOnWhereItWas(Noise.Kind kind, int drawn) {
    try (NullOps ops = new NullOps()) {
      Noise noise = Noise.of(kind, 42);
      noise.randn(Shape.of(drawn)); // an odd number below 16 leaves the CPU's a spare one
      SavedState state = new SavedState();
      noise.save(ops, state.at("noise"));
      Noise other = Noise.of(kind, 42);
      other.restore(ops, state.at("noise"));
      for (int count : new int[] {1, 20, 700}) {
        assertThat(other.randn(Shape.of(count)).toFloats())
            .isEqualTo(noise.randn(Shape.of(count)).toFloats());
      }
    }
  }
}
