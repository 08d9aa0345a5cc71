package wan4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class RandomSourceTest {
  @Test
  void valuesHaveTheMeanAndDeviationThatWereAskedFor() {
    float[] values = new RandomSource("weight", Shape.of(100_000), 7, 3, 0.5f).load().toFloats();
    double sum = 0;
    double squares = 0;
    for (float value : values) {
      sum += value;
      squares += (value - 3) * (value - 3);
    }
    assertThat(sum / values.length).isCloseTo(3, within(0.01));
    assertThat(Math.sqrt(squares / values.length)).isCloseTo(0.5, within(0.01));
  }

  @Test
  void aPieceReadAloneIsThePieceOfTheWhole() {
    RandomSource source = new RandomSource("weight", Shape.of(13, 7), 1L << 56, 0, 1);
    float[] whole = source.load().toFloats();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment piece = arena.allocate(5 * 4, 4);
      source.read(20 * 4, piece);
      for (int i = 0; i < 5; i++) {
        assertThat(Elements.toFloat(piece, DType.F32, i)).isEqualTo(whole[20 + i]);
      }
    }
  }

  @Test
  void seedsGiveValuesOfTheirOwn() {
    assertThat(new RandomSource("a", Shape.of(8), 1L << 40, 0, 1).load().toFloats())
        .isNotEqualTo(new RandomSource("a", Shape.of(8), 2L << 40, 0, 1).load().toFloats());
  }
}
