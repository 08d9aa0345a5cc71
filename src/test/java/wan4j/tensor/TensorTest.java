package wan4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What is asked of whole tensors in host memory.
final class TensorTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 13, 16_384, 16_385, 40_001})
  void oneElementThatIsNotFiniteIsFoundWhereverItIs(int count) {
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      for (int at : new int[] {0, count / 2, count - 1}) {
        float[] values = new float[count];
        values[at] = value;
        assertThat(Tensor.of(values, count).isFinite()).as("%f at %d", value, at).isFalse();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 16_384, 40_001})
  void theGreatestNumbersAreFinite(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i % 2 == 0 ? Float.MAX_VALUE : -Float.MAX_VALUE;
    }
    assertThat(Tensor.of(values, count).isFinite()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 127, 128, 255})
  void bytesAreReadWithoutASign(int value) {
    Tensor bytes = Tensor.of(new byte[] {1, (byte) value}, 2);
    assertThat(bytes.toFloats()).containsExactly(1, value);
  }
}
