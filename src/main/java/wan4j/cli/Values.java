package wan4j.cli;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;
import wan4j.tensor.InputException;

/// What all flags of a type have in common: a whole number has the range that its label names, such
/// as `1..1000`, and a file or folder has a name.
final class Values {
  private static final Pattern RANGE = Pattern.compile("(-?\\d+)\\.\\.(-?\\d*)");
  private static final List<Class<?>> LONGS = List.of(long.class, Long.class);
  private static final List<Class<?>> WHOLE =
      List.of(int.class, Integer.class, long.class, Long.class, BigInteger.class);
  private static final List<Class<?>> FRACTIONS =
      List.of(double.class, Double.class, float.class, Float.class);

  private Values() {}

  /// Throws `InputException` for a whole number outside its range and for an empty name.
  static void require(ParseResult parsed) {
    for (ParseResult at = parsed; at != null; at = at.hasSubcommand() ? at.subcommand() : null) {
      at.matchedArgs().forEach(Values::require);
    }
  }

  private static void require(ArgSpec argument) {
    List<?> values = argument.getValue() instanceof List<?> list ? list : listOf(argument);
    for (Object value : values) {
      if (value instanceof Path path && path.toString().isEmpty()) {
        throw new InputException(
            "%s got an empty name; give the name of a file or folder".formatted(name(argument)));
      }
      if (value instanceof Number && WHOLE.contains(value.getClass())) {
        BigInteger number = new BigInteger(value.toString());
        if (number.compareTo(least(argument)) < 0 || number.compareTo(most(argument)) > 0) {
          throw new InputException(
              "%s got %d; it takes %s".formatted(name(argument), number, wanted(argument)));
        }
      }
    }
  }

  private static List<?> listOf(ArgSpec argument) {
    Object value = argument.getValue();
    return value == null ? List.of() : List.of(value);
  }

  /// Returns what an argument takes, as it follows "it takes".
  static String wanted(ArgSpec argument) {
    Class<?> type = type(argument);
    if (WHOLE.contains(type)) {
      return String.format(
          Locale.ROOT, "a whole number from %d to %d", least(argument), most(argument));
    }
    if (FRACTIONS.contains(type)) {
      return "a number";
    }
    return type == Path.class ? "the name of a file or folder" : "another value";
  }

  /// Returns what an argument is called: its longest flag, or its label.
  static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  private static Class<?> type(ArgSpec argument) {
    return argument.type().isArray() ? argument.type().componentType() : argument.type();
  }

  private static BigInteger least(ArgSpec argument) {
    Matcher range = RANGE.matcher(argument.paramLabel());
    return range.matches()
        ? new BigInteger(range.group(1))
        : BigInteger.valueOf(LONGS.contains(type(argument)) ? Long.MIN_VALUE : Integer.MIN_VALUE);
  }

  private static BigInteger most(ArgSpec argument) {
    Matcher range = RANGE.matcher(argument.paramLabel());
    return range.matches() && !range.group(2).isEmpty()
        ? new BigInteger(range.group(2))
        : BigInteger.valueOf(LONGS.contains(type(argument)) ? Long.MAX_VALUE : Integer.MAX_VALUE);
  }
}
