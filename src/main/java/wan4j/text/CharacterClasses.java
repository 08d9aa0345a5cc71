package wan4j.text;

import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/// Named sets of characters, read from mojibake-classes.txt; all lie in the basic plane.
final class CharacterClasses {
  private static final Map<String, BitSet> SETS = new HashMap<>();
  private static final Map<String, String> EXPRESSIONS = new HashMap<>();

  static {
    for (String line : TextResource.lines("mojibake-classes.txt")) {
      String[] words = line.split(" ");
      BitSet set = SETS.computeIfAbsent(words[0], name -> new BitSet());
      var expression = new StringBuilder(EXPRESSIONS.getOrDefault(words[0], ""));
      for (int i = 1; i < words.length; i++) {
        String first = words[i].substring(0, 4);
        String last = words[i].substring(words[i].length() - 4);
        set.set(HexFormat.fromHexDigits(first), HexFormat.fromHexDigits(last) + 1);
        expression.append("\\u").append(first).append("-\\u").append(last);
      }
      EXPRESSIONS.put(words[0], expression.toString());
    }
  }

  private CharacterClasses() {}

  /// The characters of a class.
  static BitSet set(String name) {
    return SETS.get(name);
  }

  /// A class as it stands between the brackets of a regular expression.
  static String expression(String name) {
    return EXPRESSIONS.get(name);
  }

  /// A rule with every `{name}` replaced by that class.
  static String expand(String rule) {
    for (var entry : EXPRESSIONS.entrySet()) {
      rule = rule.replace("{" + entry.getKey() + "}", entry.getValue());
    }
    return rule;
  }
}
