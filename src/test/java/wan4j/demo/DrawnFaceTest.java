package wan4j.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.demo.DrawnFace.Ground;
import wan4j.demo.DrawnFace.Hair;
import wan4j.demo.MotionCheck.Color;
import wan4j.media.Picture;

final class DrawnFaceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a pink face with blue hair sings on a white background | PINK | BLUE | WHITE",
        "The Cyan face talks on a navy background | CYAN | BROWN | NAVY",
        "一张绿色的脸在说话，紫色头发，深蓝色背景 | GREEN | PURPLE | NAVY",
        "一张白色的脸在说话，金色头发，灰色背景 | WHITE | BLOND | GRAY",
        "somebody talks | YELLOW | BROWN | BLACK",
      })
  void aPromptNamesAFace(String prompt, Color skin, Hair hair, Ground ground) {
    assertThat(DrawnFace.named(prompt)).isEqualTo(new DrawnFace(skin, hair, ground, 0));
  }

  @Test
  void theRowOfFacesHasAllColoursAndPromptsThatNameThem() {
    Set<Object> seen = new HashSet<>();
    for (int i = 0; i < 30; i++) {
      DrawnFace face = DrawnFace.number(i);
      seen.addAll(List.of(face.skin(), face.hair(), face.ground()));
      DrawnFace named = DrawnFace.named(face.prompt());
      assertThat(new DrawnFace(named.skin(), named.hair(), named.ground(), i)).isEqualTo(face);
    }
    assertThat(seen)
        .containsAll(DrawnFace.SKINS)
        .contains((Object[]) Hair.values())
        .contains((Object[]) Ground.values());
  }

  @Test
  void aPictureShowsItsColours() {
    Picture picture = new DrawnFace(Color.YELLOW, Hair.BLUE, Ground.NAVY, 3).picture(64);
    assertThat(pixel(picture, 2, 2)).containsExactly(18, 26, 77);
    assertThat(pixel(picture, 32, 10)).containsExactly(31, 64, 242);
    assertThat(pixel(picture, 22, 44)).containsExactly(250, 230, 26);
  }

  private static int[] pixel(Picture picture, int x, int y) {
    int at = 3 * (y * picture.width() + x);
    byte[] rgb = picture.rgb();
    return new int[] {rgb[at] & 0xFF, rgb[at + 1] & 0xFF, rgb[at + 2] & 0xFF};
  }
}
