package wan4j.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Cuts text into words that carry their leading space as a visible mark.
record Metaspace(String mark, Prefix prefix, boolean splitsWords, boolean dropsWhitespace) {
  /// Which stretches of text get a mark although no space leads them.
  enum Prefix {
    ALWAYS,
    FIRST,
    NEVER
  }

  private static final Pattern WHITESPACE = Pattern.compile("\\p{IsWhite_Space}+");

  /// The marked words of a stretch of text; `first` says that the prompt begins with it.
  List<String> split(String text, boolean first) {
    var words = new ArrayList<String>();
    String[] stretches = dropsWhitespace ? WHITESPACE.split(text, -1) : new String[] {text};
    for (String stretch : stretches) {
      if (!stretch.isEmpty()) {
        addWords(stretch, first, words);
      }
      first = false;
    }
    return words;
  }

  private void addWords(String text, boolean first, List<String> words) {
    String marked = text.replace(" ", mark);
    boolean wanted = prefix == Prefix.ALWAYS || (prefix == Prefix.FIRST && first);
    if (wanted && !marked.startsWith(mark)) {
      marked = mark + marked;
    }
    int start = 0;
    int next = splitsWords ? marked.indexOf(mark, mark.length()) : -1;
    if (splitsWords && !marked.startsWith(mark)) {
      next = marked.indexOf(mark);
    }
    while (next >= 0) {
      words.add(marked.substring(start, next));
      start = next;
      next = marked.indexOf(mark, next + mark.length());
    }
    words.add(marked.substring(start));
  }
}
