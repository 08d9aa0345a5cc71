package wan4j.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Cuts text at the added tokens in it: the leftmost first, the longest of those that start there.
final class AddedTokens {
  private static final Pattern WORD = Pattern.compile("\\w", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern SPACE = Pattern.compile("\\p{IsWhite_Space}");

  /// A stretch of text, or one token where `id` is not negative.
  record Part(String text, int start, int id) {}

  private final List<AddedToken> tokens;

  AddedTokens(List<AddedToken> tokens) {
    this.tokens = tokens.stream().filter(token -> !token.content().isEmpty()).toList();
  }

  /// The parts of a text in order; none of them is empty.
  List<Part> split(String text) {
    var parts = new ArrayList<Part>();
    int done = 0;
    int position = 0;
    while (position < text.length()) {
      AddedToken token = longestAt(text, position);
      if (token == null) {
        position++;
        continue;
      }
      int start = position;
      int end = position + token.content().length();
      position = end;
      if (token.singleWord() && (isWordBefore(text, start) || isWordAt(text, end))) {
        continue;
      }
      while (token.stripsLeft() && start > done && matches(SPACE, text.codePointBefore(start))) {
        start--;
      }
      while (token.stripsRight() && end < text.length() && matches(SPACE, text.codePointAt(end))) {
        end++;
      }
      if (start > done) {
        parts.add(new Part(text.substring(done, start), done, -1));
      }
      parts.add(new Part(text.substring(start, end), start, token.id()));
      done = end;
      position = Math.max(position, end);
    }
    if (done < text.length()) {
      parts.add(new Part(text.substring(done), done, -1));
    }
    return parts;
  }

  private AddedToken longestAt(String text, int position) {
    AddedToken longest = null;
    for (AddedToken token : tokens) {
      if (text.startsWith(token.content(), position)
          && (longest == null || token.content().length() > longest.content().length())) {
        longest = token;
      }
    }
    return longest;
  }

  private static boolean isWordBefore(String text, int position) {
    return position > 0 && matches(WORD, text.codePointBefore(position));
  }

  private static boolean isWordAt(String text, int position) {
    return position < text.length() && matches(WORD, text.codePointAt(position));
  }

  private static boolean matches(Pattern pattern, int codePoint) {
    return pattern.matcher(Character.toString(codePoint)).matches();
  }
}
