package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import wan4j.golden.GoldenCase;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

final class VideoMetricsTest {
  @Test
  void everyReferenceCaseIsReproduced() {
    GoldenCase golden = GoldenCase.of("metrics", "psnr-ssim");
    JsonNode items = golden.json().get("items");
    assertThat(items).hasSizeGreaterThan(5);
    for (JsonNode item : items) {
      int index = item.get("index").asInt();
      VideoMetrics metrics =
          VideoMetrics.compare(golden.tensor("in.a" + index), golden.tensor("in.b" + index));
      assertThat(metrics.meanSquaredError()).isCloseTo(number(item.get("mse_all")), within(1e-9));
      checkDecibels(metrics.psnr(), item.get("psnr_all"));
      assertThat(metrics.ssim()).isCloseTo(number(item.get("ssim_mean")), within(1e-6));
      assertThat(metrics.framePsnr()).hasSize(item.get("psnr_frames").size());
      for (int i = 0; i < metrics.framePsnr().size(); i++) {
        checkDecibels(metrics.framePsnr().get(i), item.get("psnr_frames").get(i));
        assertThat(metrics.frameSsim().get(i))
            .isCloseTo(number(item.get("ssim_frames").get(i)), within(1e-6));
      }
    }
  }

  private static void checkDecibels(double actual, JsonNode expected) {
    if (Double.isInfinite(number(expected))) {
      assertThat(actual).isEqualTo(Double.POSITIVE_INFINITY);
    } else {
      assertThat(actual).isCloseTo(number(expected), within(1e-4));
    }
  }

  private static double number(JsonNode value) {
    return value.isString() ? Double.POSITIVE_INFINITY : value.asDouble();
  }

  @Test
  void videosOfDifferentLengthsAreRefusedInOneSentence() {
    Tensor one = Tensor.of(new byte[12 * 12 * 3], 1, 12, 12, 3);
    Tensor two = Tensor.of(new byte[2 * 12 * 12 * 3], 2, 12, 12, 3);
    assertThatThrownBy(() -> VideoMetrics.compare(one, two))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("[1, 12, 12, 3]")
        .hasMessageContaining("[2, 12, 12, 3]");
  }

  @Test
  void framesSmallerThanTheWindowAreRefused() {
    Tensor small = Tensor.of(new byte[10 * 12 * 3], 1, 10, 12, 3);
    assertThatThrownBy(() -> VideoMetrics.compare(small, small))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("11x11");
  }
}
