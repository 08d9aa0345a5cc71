package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.InputException;

/// Compares with Java's own expressions wherever those end, and ends where those do not.
final class LinearPatternTest {
  private static final String[] PARTS = {
    "a", "b", ".", "[ab]", "[^a]", "(a|ab)", "(?:b|)", "(a*b)", "\\.", "\\w", "\\d", " ", "^", "$"
  };
  private static final String[] TIMES = {"", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"};

  @Test
  void matchesAndReplacesAsJavaDoes() {
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      StringBuilder source = new StringBuilder();
      int parts = 1 + random.nextInt(5);
      for (int k = 0; k < parts; k++) {
        String part = PARTS[random.nextInt(PARTS.length)];
        boolean isPlace = part.equals("^") || part.equals("$");
        source.append(part).append(isPlace ? "" : TIMES[random.nextInt(TIMES.length)]);
        source.append(k + 1 < parts && random.nextInt(6) == 0 ? "|" : "");
      }
      StringBuilder text = new StringBuilder();
      for (int k = random.nextInt(10); k > 0; k--) {
        text.append("aab. 1é".charAt(random.nextInt(7)));
      }
      // an expression that may match nothing in a loop differs between engines
      Pattern java =
          Pattern.compile(source.toString().replace("$", "\\z"), Pattern.UNICODE_CHARACTER_CLASS);
      LinearPattern linear = LinearPattern.of(source.toString());
      assertThat(linear.matches(text.toString()))
          .as("%s on %s", source, text)
          .isEqualTo(java.matcher(text).matches());
      if (!java.matcher("").matches()) {
        assertThat(linear.replaceAll(text.toString(), "<>"))
            .as("%s in %s", source, text)
            .isEqualTo(java.matcher(text).replaceAll(Matcher.quoteReplacement("<>")));
      }
    }
  }

  @Test
  @Timeout(10)
  void aPatternThatIsEndlessElsewhereEndsHere() {
    String many = "a".repeat(20_000);
    assertThat(LinearPattern.of("(a+a+)+b").matches(many)).isFalse();
    assertThat(LinearPattern.of("(?:a|b|c)*z").matches(many)).isFalse();
    assertThat(LinearPattern.of("(?:a|b|c)*").matches(many)).isTrue();
    assertThat(LinearPattern.of("(a*)*").matches(many)).isTrue();
    assertThat(LinearPattern.of(" {2,}").replaceAll("a   b  c d", " ")).isEqualTo("a b c d");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(x+x+)+\\1y",
        "(",
        ")",
        "[a",
        "a**",
        "*",
        "\\",
        "(?=a)",
        "a{1001}",
        "((a{999}){999}){999}",
        "[b-a]",
        "a{2,1}",
        "\\b",
        "\\p{L}",
        "[[a]]"
      })
  void whatCannotBeMatchedSoIsRefused(String source) {
    assertThatThrownBy(() -> LinearPattern.of(source))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the pattern");
    assertThatThrownBy(() -> LinearPattern.of("(".repeat(400))).isInstanceOf(InputException.class);
    assertThatThrownBy(() -> LinearPattern.of("a".repeat(501))).isInstanceOf(InputException.class);
  }
}
