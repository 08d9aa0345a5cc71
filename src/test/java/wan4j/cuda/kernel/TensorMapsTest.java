package wan4j.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.cuda.bind.TensorMap.Element;
import wan4j.cuda.bind.TensorMap.Swizzle;

class TensorMapsTest {
  private final List<TensorMaps.Cut> encoded = new ArrayList<>();

  private final TensorMaps<Integer> maps =
      new TensorMaps<>(cut -> {
        encoded.add(cut);
        return encoded.size();
      });

  @Test
  void aMapIsEncodedOnceForEachTensorAndCut() {
    maps.of(cut(256, 64));
    maps.of(cut(256, 64));
    maps.of(cut(512, 64));
    maps.of(cut(256, 32));
    assertThat(maps.of(cut(512, 64))).isEqualTo(2);
    assertThat(encoded).containsExactly(cut(256, 64), cut(512, 64), cut(256, 32));
  }

  @Test
  void mapsOfManyPlacesAreNotKeptForEver() {
    for (long address = 0; address < 5000; address++) {
      maps.of(cut(address, 64));
    }
    maps.of(cut(4999, 64));
    assertThat(encoded).hasSize(5000);
    maps.of(cut(0, 64));
    assertThat(encoded).hasSize(5001);
  }

  private static TensorMaps.Cut cut(long address, int columns) {
    return new TensorMaps.Cut(
        Element.BFLOAT16,
        address,
        List.of(64L, 8L),
        List.of(128L),
        List.of(columns, 8),
        Swizzle.BYTES_128);
  }
}
