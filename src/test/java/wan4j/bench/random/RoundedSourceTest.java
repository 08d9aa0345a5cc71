package wan4j.bench.random;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import wan4j.tensor.BFloat16;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;

class RoundedSourceTest {
  @Test
  void everyPartHoldsTheRoundedValuesOfItsPlace() {
    int count = (1 << 21) + 5; // more than two threads draw at a time
    RandomSource numbers = new RandomSource("x", Shape.of(count), 7, 0, 1);
    for (int first : new int[] {0, 3}) {
      short[] read = new short[count - first];
      new RoundedSource(numbers).read((long) first * Short.BYTES, MemorySegment.ofArray(read));
      short[] expected = new short[read.length];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = BFloat16.fromFloat(numbers.value(first + i));
      }
      assertThat(read).isEqualTo(expected);
    }
  }
}
