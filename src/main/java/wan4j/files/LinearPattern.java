package wan4j.files;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import wan4j.tensor.InputException;

/// A regular expression out of a file, matched in time that grows with the text times the pattern,
/// whatever the two are: all ways of matching are followed side by side, character by character, as
/// Pike's machine does (Cox 2009, "Regular Expression Matching: the Virtual Machine Approach").
///
/// It knows literals, `.`, classes, groups, alternatives, repetitions, `^` and `$`, with the
/// priorities of Perl; what needs backtracking (back references, looking around) is refused.
public final class LinearPattern {
  private static final long MOST_STEPS = 100_000_000;

  private final int[] operations;
  private final int[] first;
  private final int[] second;
  private final List<IntPredicate> classes;
  private final String source;

  private LinearPattern(PatternCode code, String source) {
    operations = code.operations();
    first = code.first();
    second = code.second();
    classes = code.classes();
    this.source = source;
  }

  /// Compiles a pattern; throws `InputException` when it is damaged, long, or needs backtracking.
  public static LinearPattern of(String source) {
    return new LinearPattern(PatternCode.of(PatternParser.parse(source), source), source);
  }

  /// Says whether the whole text matches.
  public boolean matches(String text) {
    int[] characters = text.codePoints().toArray();
    return new Search(characters).end(0, true) >= 0;
  }

  /// Returns the text with each match replaced, from the left, by another text.
  public String replaceAll(String text, String replacement) {
    int[] characters = text.codePoints().toArray();
    Search search = new Search(characters);
    StringBuilder replaced = new StringBuilder(text.length());
    int position = 0;
    while (position <= characters.length) {
      int end = search.end(position, false);
      int start = end < 0 ? characters.length : search.start;
      for (int i = position; i < start; i++) {
        replaced.appendCodePoint(characters[i]);
      }
      if (end < 0) {
        break;
      }
      replaced.append(replacement);
      if (end == start && start < characters.length) { // nothing is replaced before a character
        replaced.appendCodePoint(characters[start]);
      }
      position = end == start ? end + 1 : end;
    }
    return replaced.toString();
  }

  /// The machine over one text.
  private final class Search {
    private final int[] text;
    private final int[] visited = new int[operations.length];
    private final int[] pending = new int[2 * operations.length + 2];
    private Threads current = new Threads();
    private Threads next = new Threads();
    private int generation;
    private long steps;
    private int start;

    Search(int[] text) {
      this.text = text;
    }

    /// Returns where the match ends that begins first at or after a position and is preferred
    /// there, or that spans the whole text; sets `start`; -1 without one.
    int end(int from, boolean isWhole) {
      int end = -1;
      current.count = 0;
      for (int at = from; at <= text.length; at++) {
        generation++;
        next.count = 0;
        if (at > from) {
          for (int i = 0; i < current.count; i++) {
            int pc = current.places[i];
            boolean isTaken =
                operations[pc] == PatternCode.CHARACTER
                    && classes.get(first[pc]).test(text[at - 1]);
            if (isTaken) {
              add(pc + 1, current.starts[i], at);
            }
          }
        }
        if (end < 0 && (at == from || !isWhole)) {
          add(0, at, at);
        }
        Threads kept = next;
        next = current;
        current = kept;
        for (int i = 0; i < current.count; i++) {
          if (operations[current.places[i]] == PatternCode.MATCH
              && (!isWhole || at == text.length)) {
            end = at;
            start = current.starts[i];
            current.count = i; // whatever is less preferred ends here
          }
        }
        if (current.count == 0 && (end >= 0 || isWhole)) {
          break;
        }
      }
      return end;
    }

    /// Adds a thread and whatever it becomes without a character, the preferred first.
    private void add(int place, int begin, int at) {
      int depth = 0;
      pending[depth++] = place;
      while (depth > 0) {
        int pc = pending[--depth];
        if (visited[pc] == generation) {
          continue;
        }
        visited[pc] = generation;
        if (++steps > MOST_STEPS) {
          throw new InputException(
              "the pattern %s takes too long on a text of %d characters; expected a simple one: get the file from a source you trust"
                  .formatted(Quoted.of(source), text.length));
        }
        switch (operations[pc]) {
          case PatternCode.JUMP -> pending[depth++] = first[pc];
          case PatternCode.SPLIT -> {
            pending[depth++] = second[pc];
            pending[depth++] = first[pc];
          }
          case PatternCode.START -> {
            if (at == 0) {
              pending[depth++] = pc + 1;
            }
          }
          case PatternCode.END -> {
            if (at == text.length) {
              pending[depth++] = pc + 1;
            }
          }
          default -> next.add(pc, begin);
        }
      }
    }
  }

  /// Threads in the order of preference: the place in the program and where the match began.
  private static final class Threads {
    private int[] places = new int[16];
    private int[] starts = new int[16];
    private int count;

    void add(int place, int start) {
      if (count == places.length) {
        places = Arrays.copyOf(places, 2 * count);
        starts = Arrays.copyOf(starts, 2 * count);
      }
      places[count] = place;
      starts[count++] = start;
    }
  }

  @Override
  public String toString() {
    return source;
  }
}
