package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import wan4j.golden.GoldenCase;
import wan4j.media.Sizing.Size;
import wan4j.tensor.InputException;

final class SizingTest {
  @Test
  void everyRowOfTheReferenceTablesIsReproduced() {
    JsonNode table = GoldenCase.json("images/sizes/case.json");
    assertThat(table.get("best_output_size_rows")).hasSizeGreaterThan(100);
    assertThat(table.get("i2v_rows")).hasSizeGreaterThan(100);
    for (JsonNode row : table.get("best_output_size_rows")) {
      assertThat(Sizing.bestOutput(size(row, 0), 32, row.get(2).asLong()))
          .as("%s", row)
          .isEqualTo(size(row, 3));
    }
    for (JsonNode row : table.get("i2v_rows")) {
      assertThat(Sizing.imageToVideoLatent(size(row, 0), 8, 2, row.get(2).asLong()))
          .as("%s", row)
          .isEqualTo(size(row, 3));
    }
  }

  @Test
  void everyLanczosCropCaseIsEqualToTheBit() {
    GoldenCase golden = GoldenCase.of("images", "ti2v-lanczos-crop");
    JsonNode items = golden.json().get("items");
    assertThat(items).hasSizeGreaterThan(3);
    for (JsonNode item : items) {
      int index = item.get("index").asInt();
      Picture picture = Picture.of(golden.tensor("in.img" + index));
      Size from = size(item.get("image_wh"), 0);
      Size target = Sizing.bestOutput(from, 32, item.get("max_area").asLong());
      assertThat(target).isEqualTo(size(item.get("out_wh"), 0));
      assertThat(Sizing.cover(from, target)).isEqualTo(size(item.get("resized_wh"), 0));
      assertThat(Sizing.coverAndCrop(picture, target, Resampling.LANCZOS).rgb())
          .as("case %d", index)
          .isEqualTo(Picture.of(golden.tensor("out.cropped" + index)).rgb());
    }
  }

  @Test
  void aPictureTooNarrowForTheAreaIsRefusedInOneSentence() {
    assertThatThrownBy(() -> Sizing.bestOutput(new Size(10_000, 1), 32, 400_000))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("10000x1");
    assertThatThrownBy(() -> Sizing.imageToVideoLatent(new Size(1, 16_000), 8, 2, 400_000))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("1x16000");
  }

  private static Size size(JsonNode row, int first) {
    return new Size(row.get(first).asInt(), row.get(first + 1).asInt());
  }
}
