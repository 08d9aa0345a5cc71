package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import wan4j.golden.GoldenCase;
import wan4j.tensor.Tensor;

final class ResamplingTest {
  @Test
  void everyPillowCaseIsEqualToTheBit() {
    GoldenCase golden = GoldenCase.of("images", "pil-resize");
    JsonNode items = golden.json().get("items");
    assertThat(items).hasSizeGreaterThan(5);
    for (JsonNode item : items) {
      int index = item.get("index").asInt();
      Picture resized =
          Resampling.valueOf(item.get("filter").asString())
              .resize(
                  Picture.of(golden.tensor("in.pil" + index)),
                  item.get("to_wh").get(0).asInt(),
                  item.get("to_wh").get(1).asInt());
      assertThat(resized.rgb())
          .as("case %d", index)
          .isEqualTo(Picture.of(golden.tensor("out.pil" + index)).rgb());
    }
  }

  @Test
  void aBoxFilterAveragesWholePixels() {
    Picture picture = new Picture(2, 2, new byte[] {0, 0, 0, 10, 20, 30, 20, 40, 60, 30, 60, 90});
    assertThat(Resampling.BOX.resize(picture, 1, 1).rgb()).containsExactly(15, 30, 45);
  }

  @Test
  void theSameSizeIsACopy() {
    Picture picture = new Picture(1, 1, new byte[] {1, 2, 3});
    Picture copy = Resampling.LANCZOS.resize(picture, 1, 1);
    copy.rgb()[0] = 9;
    assertThat(picture.rgb()).containsExactly(1, 2, 3);
  }

  @Test
  void aSizeOfNothingIsRefused() {
    Picture picture = new Picture(1, 1, new byte[] {1, 2, 3});
    assertThatThrownBy(() -> Resampling.BICUBIC.resize(picture, 0, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0x5");
  }

  @Test
  void everyBicubicCaseOfPyTorchIsReproduced() {
    GoldenCase golden = GoldenCase.of("images", "interpolate-bicubic");
    JsonNode items = golden.json().get("items");
    assertThat(items).hasSizeGreaterThan(5);
    for (JsonNode item : items) {
      int index = item.get("index").asInt();
      Tensor resized =
          Interpolation.bicubic(
              golden.tensor("in.bicubic" + index),
              item.get("to_hw").get(0).asInt(),
              item.get("to_hw").get(1).asInt());
      Tensor expected = golden.tensor("out.bicubic" + index);
      assertThat(resized.shape()).isEqualTo(expected.shape());
      assertThat(relativeDifference(resized.toFloats(), expected.toFloats()))
          .as("case %d", index)
          .isLessThan(1e-6);
    }
  }

  private static double relativeDifference(float[] a, float[] b) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < a.length; i++) {
      difference += Math.pow((double) a[i] - b[i], 2);
      norm += Math.pow(b[i], 2);
    }
    return Math.sqrt(difference / norm);
  }
}
