package wan4j.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.cuda.device.DeviceStorage;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

class TilingTest {
  @ParameterizedTest
  @CsvSource({"640, 320", "1728, 576", "384, 192", "192, 96", "8, 32", "3600, 1024"})
  void rowsOfRealNetworksLeaveFewThreadsIdle(int vectors, int threads) {
    assertThat(Tiling.rowThreads(vectors)).isEqualTo(threads);
  }

  @Test
  void everyRowFitsTheThreadsOfABlock() {
    for (int vectors = 1; vectors < 5000; vectors += 7) {
      assertThat(Tiling.rowThreads(vectors)).isBetween(32, 1024).matches(t -> t % 32 == 0);
    }
  }

  @Test
  void accessesFollowSizeAndAddress() {
    assertThat(Tiling.vector(5120, at(0), at(256))).isEqualTo(8);
    assertThat(Tiling.vector(5124, at(0))).isEqualTo(4);
    assertThat(Tiling.vector(81, at(0))).isEqualTo(1);
    assertThat(Tiling.vector(5120, at(0), at(8))).isEqualTo(4);
    assertThat(Tiling.vector(5120, at(6))).isEqualTo(1);
  }

  @Test
  void aPixelSpreadsOverPowersOfTwo() {
    assertThat(Tiling.pixelLanes(12)).isEqualTo(4);
    assertThat(Tiling.pixelLanes(48)).isEqualTo(16);
    assertThat(Tiling.pixelLanes(1)).isEqualTo(1);
    assertThat(Tiling.pixelLanes(1000)).isEqualTo(32);
  }

  private static Tensor at(long address) {
    return new Tensor(Shape.of(4), DType.BF16, new DeviceStorage(address, 64));
  }
}
