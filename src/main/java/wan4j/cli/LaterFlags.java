package wan4j.cli;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// Flags of the reference whose features this build does not have: each is known, and refused with
/// its reason, but for the values that ask for nothing.
final class LaterFlags {
  private static final Set<String> OFF = Set.of("false", "f", "no", "n", "0");
  private static final Set<String> TRUTHS = Set.of("true", "t", "yes", "y", "1");

  /// A flag of the table.
  ///
  /// @param name its name
  /// @param feature what this build does not have
  /// @param isSwitch whether it can stand alone or be followed by True or False
  /// @param nothing the values, in lower case, that ask for nothing of the feature
  private record Flag(String name, String feature, boolean isSwitch, Set<String> nothing) {}

  private static final Map<String, Flag> TABLE =
      Stream.of(
              switches("prompt extension", "use_prompt_extend"),
              values(
                  "prompt extension",
                  Set.of(),
                  "prompt_extend_method",
                  "prompt_extend_model",
                  "prompt_extend_target_lang"))
          .flatMap(List::stream)
          .collect(Collectors.toMap(Flag::name, Function.identity()));

  private LaterFlags() {}

  private static List<Flag> switches(String feature, String... names) {
    return Stream.of(names).map(name -> new Flag("--" + name, feature, true, OFF)).toList();
  }

  private static List<Flag> values(String feature, Set<String> nothing, String... names) {
    return Stream.of(names).map(name -> new Flag("--" + name, feature, false, nothing)).toList();
  }

  /// Says whether a flag of this name, with underscores, is one of these.
  static boolean knows(String name) {
    return TABLE.containsKey(name);
  }

  /// Returns how many of the words after `typed` belong to it when it asks for nothing; `next` is
  /// the word after it, or null. Throws `InputException` when it asks for anything.
  static int refuse(String typed, String next) {
    int equals = typed.indexOf('=');
    String spelling = equals < 0 ? typed : typed.substring(0, equals);
    Flag flag = TABLE.get("--" + spelling.substring(2).replace('-', '_'));
    String following = next == null ? "" : next.toLowerCase(Locale.ROOT);
    boolean takesNext =
        equals < 0
            && next != null
            && (!flag.isSwitch || OFF.contains(following) || TRUTHS.contains(following));
    String value =
        equals >= 0
            ? typed.substring(equals + 1).toLowerCase(Locale.ROOT)
            : takesNext ? following : "";
    if (!flag.nothing.contains(value)) {
      throw new InputException(
          "%s was given, but this build does not have %s; leave it out"
              .formatted(spelling, flag.feature));
    }
    return takesNext ? 1 : 0;
  }
}
