package wan4j.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;

class PromptCleanerTest {
  @Test
  void everyPromptOfTheTableIsCleanedAsFtfyAndHtmlUnescapeDo() {
    var rows = ReferencePrompts.table("cleaned-prompts.txt");

    assertThat(rows).hasSizeGreaterThan(400);
    for (String[] row : rows) {
      assertThat(PromptCleaner.clean(row[0])).as(row[0]).isEqualTo(row[1]);
    }
  }

  @Test
  void mojibakeOfEveryEncodingIsUndone() {
    assertThat(PromptCleaner.clean("schÃ¶n, cafÃ©")).isEqualTo("schön, café");
    assertThat(PromptCleaner.clean("Ð»Ð¸Ñ\u0081Ð° Ð² Ñ\u0081Ð½ÐµÐ³Ñ\u0083"))
        .isEqualTo("лиса в снегу");
    assertThat(PromptCleaner.clean("na√Øve")).isEqualTo("naïve");
    assertThat(PromptCleaner.clean("вЂњСЃРЅРµРівЂќ")).isEqualTo("\"снег\"");
    assertThat(PromptCleaner.clean("voilÃ le phare")).isEqualTo("voilà le phare");
    assertThat(PromptCleaner.clean("â€œ a lamp â€�")).isEqualTo("\" a lamp �");
  }

  @Test
  void textThatOnlyLooksUnusualStays() {
    assertThat(PromptCleaner.clean("Å is a river, ÅÄÖ are letters"))
        .isEqualTo("Å is a river, ÅÄÖ are letters");
    assertThat(PromptCleaner.clean("¯\\_(ツ)_/¯")).isEqualTo("¯\\_(ツ)_/¯");
  }

  @Test
  void surrogatePairsSpelledAsTwoThreeByteSequencesAreOneCharacter() {
    String cesu8 = "\u00ED\u00A0\u00BD\u00ED\u00B8\u0080";

    assertThat(PromptCleaner.clean("a smile " + cesu8)).isEqualTo("a smile 😀");
  }

  @Test
  void entitiesAreDecodedTwiceMoreWhereTheTextHoldsRealMarkup() {
    assertThat(PromptCleaner.clean("<b>&amp;amp;amp;</b>")).isEqualTo("<b>&amp;</b>");
    assertThat(PromptCleaner.clean("x &amp;amp;amp;amp;amp; y")).isEqualTo("x & y");
    assertThat(PromptCleaner.clean("&EACUTE;T&EACUTE; &notit; &#x80; &#0; &#1;&#xFFFF;."))
        .isEqualTo("ÉTÉ ¬it; € � .");
    assertThat(PromptCleaner.clean("&#99999999999999999999;")).isEqualTo("�");
  }

  @Test
  void aMarkupSignInOneLineKeepsTheEntitiesOfLaterLinesForTheSecondPass() {
    assertThat(PromptCleaner.clean("<i>\n&EACUTE;")).isEqualTo("<i> &EACUTE;");
    assertThat(PromptCleaner.clean("&EACUTE;\n<i>")).isEqualTo("É <i>");
  }

  @Test
  void widthQuotesLigaturesEscapesAndSpacesBecomePlain() {
    assertThat(PromptCleaner.clean("\u001B[31mＦｏｘ\u001B[0m　“ﬁne”\r\n\u2028ŉ ﾊﾟ\u0007 "))
        .isEqualTo("Fox \"fine\" 'n パ");
  }

  @Test
  void loneSurrogatesBecomeTheReplacementCharacter() {
    assertThat(PromptCleaner.clean("a\uD83Db")).isEqualTo("a\uFFFDb");
  }

  @Test
  void nothingVisibleIsTheEmptyPrompt() {
    assertThat(PromptCleaner.clean("")).isEmpty();
    assertThat(PromptCleaner.clean(" \t\u3000\u00A0\n\u0000")).isEmpty();
  }

  @Test
  void theResultDoesNotDependOnTheLanguageOfTheMachine() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("tr"));
      assertThat(PromptCleaner.clean("&ITILDE; I ﬁ")).isEqualTo("Ĩ I fi");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void aLongLineOfMojibakeIsRepairedWithoutDeepRecursion() {
    assertThat(PromptCleaner.clean("日本 " + "Ã©".repeat(100_000)))
        .isEqualTo("日本 " + "é".repeat(100_000));
  }
}
