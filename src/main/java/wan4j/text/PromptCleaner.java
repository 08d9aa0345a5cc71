package wan4j.text;

import java.util.regex.Pattern;

/// Cleans a prompt as the reference does before tokenising it (Wan-Video/Wan2.2, commit 42bf4cf,
/// wan/modules/tokenizers.py): repair, entities decoded twice, whitespace collapsed.
public final class PromptCleaner {
  private static final Pattern WHITESPACE =
      Pattern.compile("[" + CharacterClasses.expression("space") + "]+");

  private PromptCleaner() {}

  /// The prompt as the tokenizer must see it; empty when nothing visible is left.
  public static String clean(String prompt) {
    String text = TextRepair.repair(prompt);
    text = HtmlEntities.decode(HtmlEntities.decode(text));
    text = WHITESPACE.matcher(text).replaceAll(" ");
    int start = text.startsWith(" ") ? 1 : 0;
    int end = text.endsWith(" ") ? text.length() - 1 : text.length();
    return start < end ? text.substring(start, end) : "";
  }
}
