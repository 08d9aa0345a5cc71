package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

final class ContactSheetTest {
  @Test
  void everyVideoGetsACaptionAndItsFirstAndLastFrame() {
    byte[] rgb = new byte[5 * 8 * 16 * 3];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) (i / (8 * 16 * 3) * 50);
    }
    Tensor frames = Tensor.of(rgb, 5, 8, 16, 3);
    Picture sheet =
        ContactSheet.draw(
            List.of(
                new ContactSheet.Row("FP8", frames),
                new ContactSheet.Row("bf16: a long caption that does not fit", frames)),
            3,
            32);
    assertThat(sheet.width()).isEqualTo(4 + 3 * 36);
    assertThat(sheet.height()).isEqualTo(4 + 2 * (20 + 16 + 4));
    // The middles of the first row's three tiles: frames 0, 2 and 4.
    assertThat(red(sheet, 20, 32)).isEqualTo(0);
    assertThat(red(sheet, 56, 32)).isEqualTo(100);
    assertThat(red(sheet, 92, 32)).isEqualTo(200);
    // The upper bar of the F of "FP8", and the paper above it.
    assertThat(red(sheet, 8, 10)).isEqualTo(230);
    assertThat(red(sheet, 8, 9)).isEqualTo(24);
  }

  @Test
  void aSheetOfNothingIsRefused() {
    assertThatThrownBy(() -> ContactSheet.draw(List.of(), 3, 32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 rows");
  }

  private static int red(Picture picture, int x, int y) {
    return picture.rgb()[(y * picture.width() + x) * 3] & 0xFF;
  }
}
