package wan4j.files;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import wan4j.files.PatternParser.Node;
import wan4j.tensor.InputException;

/// A regular expression as a program: each instruction takes a character of a class, goes on at one
/// place or at two (the first being preferred), asks for an end of the text, or has matched.
final class PatternCode {
  static final int CHARACTER = 0;
  static final int JUMP = 1;
  static final int SPLIT = 2;
  static final int START = 3;
  static final int END = 4;
  static final int MATCH = 5;

  private static final int LONGEST = 5000;

  private final String source;
  private final List<IntPredicate> classes = new ArrayList<>();
  private int[] operations = new int[64];
  private int[] first = new int[64];
  private int[] second = new int[64];
  private int length;

  private PatternCode(String source) {
    this.source = source;
  }

  static PatternCode of(Node tree, String source) {
    PatternCode code = new PatternCode(source);
    code.write(tree);
    code.add(MATCH);
    return code;
  }

  int[] operations() {
    return Arrays.copyOf(operations, length);
  }

  int[] first() {
    return Arrays.copyOf(first, length);
  }

  int[] second() {
    return Arrays.copyOf(second, length);
  }

  List<IntPredicate> classes() {
    return List.copyOf(classes);
  }

  private int add(int operation) {
    if (length == LONGEST) {
      throw new InputException(
          "the pattern %s has more than %d parts when its repetitions are written out; expected a simple one: get the file from a source you trust"
              .formatted(Quoted.of(source), LONGEST));
    }
    if (length == operations.length) {
      operations = Arrays.copyOf(operations, 2 * length);
      first = Arrays.copyOf(first, 2 * length);
      second = Arrays.copyOf(second, 2 * length);
    }
    operations[length] = operation;
    return length++;
  }

  private void write(Node node) {
    switch (node) {
      case Node.OneOf(IntPredicate isMember) -> {
        int place = add(CHARACTER);
        first[place] = classes.size();
        classes.add(isMember);
      }
      case Node.Sequence(List<Node> parts) -> parts.forEach(this::write);
      case Node.Choice(List<Node> parts) -> choice(parts);
      case Node.Repetition repetition -> repeat(repetition);
      case Node.Start _ -> add(START);
      case Node.End _ -> add(END);
    }
  }

  private void choice(List<Node> parts) {
    List<Integer> ends = new ArrayList<>();
    for (Node part : parts.subList(0, parts.size() - 1)) {
      int split = add(SPLIT);
      first[split] = length;
      write(part);
      ends.add(add(JUMP));
      second[split] = length;
    }
    write(parts.getLast());
    ends.forEach(end -> first[end] = length);
  }

  private void repeat(Node.Repetition repetition) {
    for (int i = 0; i < repetition.least(); i++) {
      write(repetition.part());
    }
    if (repetition.most() < 0) {
      int split = add(SPLIT);
      branch(split, length, repetition.isGreedy());
      write(repetition.part());
      int back = add(JUMP);
      first[back] = split;
      leave(split, repetition.isGreedy());
      return;
    }
    List<Integer> splits = new ArrayList<>();
    for (int i = repetition.least(); i < repetition.most(); i++) {
      int split = add(SPLIT);
      branch(split, length, repetition.isGreedy());
      splits.add(split);
      write(repetition.part());
    }
    splits.forEach(split -> leave(split, repetition.isGreedy()));
  }

  private void branch(int split, int inside, boolean isGreedy) {
    if (isGreedy) {
      first[split] = inside;
    } else {
      second[split] = inside;
    }
  }

  private void leave(int split, boolean isGreedy) {
    if (isGreedy) {
      second[split] = length;
    } else {
      first[split] = length;
    }
  }
}
