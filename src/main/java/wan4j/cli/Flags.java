package wan4j.cli;

import java.util.Locale;
import wan4j.tensor.InputException;

/// Values of flags as Python programs take them.
final class Flags {
  private Flags() {}

  /// Returns the truth of a value such as `True`, `no` or `1`, or the default when none was given.
  static boolean isTrue(String flag, String value, boolean whenMissing) {
    if (value == null) {
      return whenMissing;
    }
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "true", "t", "yes", "y", "1" -> true;
      case "false", "f", "no", "n", "0" -> false;
      default ->
          throw new InputException("%s got \"%s\"; give True or False".formatted(flag, value));
    };
  }
}
