package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
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
  void videosSideBySideMoveUntilTheirEndUnderBrokenCaptions() {
    Tensor three = gray(3, 10);
    Tensor two = gray(2, 100);
    Tensor video =
        ContactSheet.animate(
            List.of(
                new ContactSheet.Row("one two three", three),
                new ContactSheet.Row("b", two),
                new ContactSheet.Row("红色红", two)),
            2,
            40);
    int height = 4 + 2 * (4 + 3 * 16 + 20 + 4);
    assertThat(video.shape()).hasToString("[3, " + height + ", 92, 3]");
    for (int t = 0; t < 3; t++) {
      assertThat(red(video, t, 20, 4 + 52 + 10)).isEqualTo(10 + t);
      assertThat(red(video, t, 64, 4 + 52 + 10)).isEqualTo(100 + Math.min(t, 1));
      assertThat(red(video, t, 20, 4 + 76 + 52 + 10)).isEqualTo(100 + Math.min(t, 1));
      assertThat(inkedRows(video, t, 4, 44, 4, 52)).as("three lines").isGreaterThan(20);
      assertThat(inkedRows(video, t, 48, 88, 20, 52)).as("one line").isZero();
    }
  }

  private static Tensor gray(int frames, int first) {
    byte[] rgb = new byte[frames * 10 * 20 * 3];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) (first + i / (10 * 20 * 3));
    }
    return Tensor.of(rgb, frames, 10, 20, 3);
  }

  private static int red(Tensor video, int t, int x, int y) {
    return red(Picture.of(video.at(t)), x, y);
  }

  private static int inkedRows(Tensor video, int t, int left, int right, int top, int bottom) {
    int rows = 0;
    for (int y = top; y < bottom; y++) {
      int line = y;
      rows += IntStream.range(left, right).anyMatch(x -> red(video, t, x, line) == 230) ? 1 : 0;
    }
    return rows;
  }

  @Test
  void aSheetOfNothingIsRefused() {
    assertThatThrownBy(() -> ContactSheet.draw(List.of(), 3, 32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 rows");
    assertThatThrownBy(() -> ContactSheet.animate(List.of(), 3, 32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 rows");
  }

  private static int red(Picture picture, int x, int y) {
    return picture.rgb()[(y * picture.width() + x) * 3] & 0xFF;
  }
}
