package wan4j.files;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import wan4j.tensor.InputException;

/// Reads a regular expression into a tree.
final class PatternParser {
  /// A part of an expression.
  sealed interface Node {
    /// One character of a class.
    record OneOf(IntPredicate isMember) implements Node {}

    /// One part after the other.
    record Sequence(List<Node> parts) implements Node {}

    /// One of several parts, the first being preferred.
    record Choice(List<Node> parts) implements Node {}

    /// A part several times; `most` is -1 for any number of them.
    record Repetition(Node part, int least, int most, boolean isGreedy) implements Node {}

    /// The beginning of the text.
    record Start() implements Node {}

    /// The end of the text.
    record End() implements Node {}
  }

  private static final int LONGEST = 500;
  private static final int DEEPEST = 50;
  private static final int MOST_TIMES = 1000;

  private final String source;
  private final int[] text;
  private int at;
  private int depth;

  private PatternParser(String source) {
    this.source = source;
    text = source.codePoints().toArray();
  }

  static Node parse(String source) {
    PatternParser parser = new PatternParser(source);
    if (source.length() > LONGEST) {
      throw parser.wrong("is longer than " + LONGEST + " characters");
    }
    Node node = parser.choice();
    if (parser.at < parser.text.length) {
      throw parser.wrong("closes a group that it does not open");
    }
    return node;
  }

  private Node choice() {
    if (++depth > DEEPEST) {
      throw wrong("nests its groups deeper than " + DEEPEST);
    }
    List<Node> parts = new ArrayList<>();
    parts.add(sequence());
    while (isNext('|')) {
      at++;
      parts.add(sequence());
    }
    depth--;
    return parts.size() == 1 ? parts.getFirst() : new Node.Choice(parts);
  }

  private Node sequence() {
    List<Node> parts = new ArrayList<>();
    while (at < text.length && text[at] != '|' && text[at] != ')') {
      parts.add(repeated(one()));
    }
    return new Node.Sequence(parts);
  }

  private Node one() {
    int c = text[at++];
    return switch (c) {
      case '.' -> new Node.OneOf(other -> other != '\n');
      case '^' -> new Node.Start();
      case '$' -> new Node.End();
      case '[' -> new Node.OneOf(members());
      case '(' -> group();
      case '\\' -> new Node.OneOf(escape());
      case '*', '+', '?' -> throw wrong("repeats nothing");
      default -> new Node.OneOf(other -> other == c);
    };
  }

  private Node group() {
    if (isNext('?')) {
      at++;
      if (!isNext(':')) {
        throw wrong("uses a group that looks around or has options");
      }
      at++;
    }
    Node inner = choice();
    if (!isNext(')')) {
      throw wrong("leaves a group open");
    }
    at++;
    return inner;
  }

  private Node repeated(Node part) {
    if (at == text.length) {
      return part;
    }
    int least;
    int most;
    switch (text[at]) {
      case '*' -> {
        least = 0;
        most = -1;
      }
      case '+' -> {
        least = 1;
        most = -1;
      }
      case '?' -> {
        least = 0;
        most = 1;
      }
      case '{' -> {
        at++;
        least = number();
        most = least;
        if (isNext(',')) {
          at++;
          most = isNext('}') ? -1 : number();
        }
        if (!isNext('}') || (most >= 0 && most < least)) {
          throw wrong("repeats a part in an unknown way");
        }
      }
      default -> {
        return part;
      }
    }
    at++;
    boolean isLazy = isNext('?');
    if (isLazy) {
      at++;
    }
    if (at < text.length && (text[at] == '*' || text[at] == '+' || text[at] == '{')) {
      throw wrong("repeats a repetition");
    }
    return new Node.Repetition(part, least, most, !isLazy);
  }

  private int number() {
    int value = 0;
    int begin = at;
    while (at < text.length && text[at] >= '0' && text[at] <= '9' && value <= MOST_TIMES) {
      value = 10 * value + text[at++] - '0';
    }
    if (begin == at || value > MOST_TIMES) {
      throw wrong("repeats a part other than up to " + MOST_TIMES + " times");
    }
    return value;
  }

  private IntPredicate members() {
    boolean isNegated = isNext('^');
    if (isNegated) {
      at++;
    }
    List<IntPredicate> members = new ArrayList<>();
    int begin = at;
    while (at < text.length && (text[at] != ']' || at == begin)) {
      if (text[at] == '[') {
        throw wrong("nests classes of characters");
      }
      members.add(member());
    }
    if (at == text.length) {
      throw wrong("leaves a class of characters open");
    }
    at++;
    List<IntPredicate> all = List.copyOf(members);
    return c -> all.stream().anyMatch(member -> member.test(c)) != isNegated;
  }

  private IntPredicate member() {
    int low = text[at++];
    if (low == '\\') {
      if (at < text.length && Character.isLetterOrDigit(text[at])) {
        return escape();
      }
      low = literal();
    }
    boolean isRange = at + 1 < text.length && text[at] == '-' && text[at + 1] != ']';
    int from = low;
    if (!isRange) {
      return c -> c == from;
    }
    at++;
    int high = text[at++];
    if (high == '\\') {
      high = literal();
    }
    int to = high;
    if (to < from) {
      throw wrong("holds a range that ends before it begins");
    }
    return c -> c >= from && c <= to;
  }

  private int literal() {
    if (at == text.length || Character.isLetterOrDigit(text[at])) {
      throw wrong("ends a range in an unknown way");
    }
    return text[at++];
  }

  private IntPredicate escape() {
    if (at == text.length) {
      throw wrong("ends in a backslash");
    }
    int c = text[at++];
    return switch (c) {
      case 'd' -> Character::isDigit;
      case 'D' -> other -> !Character.isDigit(other);
      case 'w' -> PatternParser::isWord;
      case 'W' -> other -> !isWord(other);
      case 's' -> PatternParser::isSpace;
      case 'S' -> other -> !isSpace(other);
      case 'n' -> other -> other == '\n';
      case 't' -> other -> other == '\t';
      case 'r' -> other -> other == '\r';
      default -> {
        if (Character.isLetterOrDigit(c)) {
          throw wrong(
              Character.isDigit(c)
                  ? "refers back to one of its groups"
                  : "uses \\" + Character.toString(c));
        }
        yield other -> other == c;
      }
    };
  }

  private static boolean isWord(int c) {
    return Character.isLetterOrDigit(c)
        || c == '_'
        || Character.getType(c) == Character.NON_SPACING_MARK;
  }

  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  private boolean isNext(int c) {
    return at < text.length && text[at] == c;
  }

  InputException wrong(String what) {
    return new InputException(
        "the pattern %s %s; expected characters, classes, groups and repetitions: get the file from a source you trust"
            .formatted(Quoted.of(source), what));
  }
}
