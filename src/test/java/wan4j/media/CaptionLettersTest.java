package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CaptionLettersTest {
  @ParameterizedTest
  @CsvSource({"l, 8", "é, 8", "Ж, 8", "א, 8", "红, 16", "の, 16", "한, 16", "अ, 16"})
  void everyScriptHasLettersOfItsOwn(char letter, int width) {
    CaptionLetters letters = CaptionLetters.of(List.of("" + letter));
    assertThat(letters.width(letter)).isEqualTo(width);
    assertThat(drawn(letters, letter)).contains("#").isNotEqualTo(drawn(letters, '\uFFFD'));
  }

  @Test
  void aLetterHasItsShape() {
    CaptionLetters letters = CaptionLetters.of(List.of("L"));
    String stem = ".#......\n";
    assertThat(drawn(letters, 'L'))
        .isEqualTo("........\n".repeat(4) + stem.repeat(9) + ".######.\n" + "........\n".repeat(2));
  }

  @Test
  void whatRunsFromRightToLeftIsTurnedAndTheRestIsNot() {
    assertThat(CaptionLetters.inOrder("a red ball")).isEqualTo("a red ball");
    assertThat(CaptionLetters.inOrder("a אבג 12")).isEqualTo("a 12 גבא");
    assertThat(CaptionLetters.inOrder("一个红色的球")).isEqualTo("一个红色的球");
  }

  @Test
  void accentsAreComposedAndOtherPlanesReplaced() {
    assertThat(CaptionLetters.inOrder("e\u0301")).isEqualTo("é");
    assertThat(CaptionLetters.inOrder("x\uD83D\uDE00y")).isEqualTo("x\uFFFDy");
    assertThat(CaptionLetters.isMark('\u0301')).isTrue();
    assertThat(CaptionLetters.isMark('e')).isFalse();
  }

  private static String drawn(CaptionLetters letters, char letter) {
    StringBuilder dots = new StringBuilder();
    for (int y = 0; y < CaptionLetters.HEIGHT; y++) {
      for (int x = 0; x < letters.width(letter); x++) {
        dots.append(letters.hasInk(letter, x, y) ? '#' : '.');
      }
      dots.append('\n');
    }
    return dots.toString();
  }
}
