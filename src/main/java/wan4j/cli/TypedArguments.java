package wan4j.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import wan4j.tensor.InputException;

/// A command line as it was typed: dashes within the name of a flag work as well as underscores,
/// what follows a flag that takes a value is that value whatever it begins with, and sentences name
/// each flag by the spelling that was typed.
final class TypedArguments {
  private final List<String> words = new ArrayList<>();
  private final Map<OptionSpec, Set<String>> spellings = new LinkedHashMap<>();

  /// Reads a command line for these commands; throws `InputException` for a flag in the place of
  /// another one's value, and for a flag whose feature this build does not have.
  TypedArguments(CommandLine commands, String... typed) {
    CommandLine command = commands;
    for (int i = 0; i < typed.length; i++) {
      String word = typed[i];
      OptionSpec option = option(command, word);
      if (option == null) {
        CommandLine inner = command.getSubcommands().get(word);
        boolean takesLaterFlags = command.getCommand() instanceof GenerateCommand;
        if (takesLaterFlags && LaterFlags.knows(name(word))) {
          i += LaterFlags.refuse(word, i + 1 < typed.length ? typed[i + 1] : null);
          continue;
        }
        command = inner == null ? command : inner;
        words.add(word);
        continue;
      }
      String flag = flag(word);
      spellings.computeIfAbsent(option, _ -> new LinkedHashSet<>()).add(flag);
      if (flag.length() < word.length()) {
        requireNoFlag(command, flag, word.substring(flag.length() + 1));
        words.add(name(word) + word.substring(flag.length()));
      } else if (option.arity().max() == 0) {
        words.add(name(word));
      } else if (option.arity().min() == 0) {
        // the value is optional: what looks like a flag is the next one
        boolean hasValue = i + 1 < typed.length && !typed[i + 1].startsWith("-");
        words.add(name(word) + "=" + (hasValue ? typed[++i] : option.fallbackValue()));
      } else if (i + 1 < typed.length) {
        requireNoFlag(command, flag, typed[i + 1]);
        words.addAll(List.of(name(word), typed[++i]));
      } else {
        words.add(name(word));
      }
    }
  }

  /// Returns what the parser takes.
  String[] words() {
    return words.toArray(String[]::new);
  }

  private static void requireNoFlag(CommandLine command, String flag, String value) {
    if (option(command, value) != null) {
      throw new InputException(
          "%s got no value, since the flag %s follows it; give the value after the flag, or a prompt that begins so in a file with --prompt_file"
              .formatted(flag, flag(value)));
    }
  }

  /// Returns the spellings under which a flag was given, in their order.
  List<String> spellings(OptionSpec option) {
    return List.copyOf(spellings.getOrDefault(option, Set.of()));
  }

  /// Returns a sentence in which each flag has the spelling that was typed, and the dashes that a
  /// setting's name lacks in the sentences of the library.
  String spelled(String sentence) {
    String result = sentence;
    for (Map.Entry<OptionSpec, Set<String>> entry : spellings.entrySet()) {
      if (entry.getValue().size() > 1) {
        continue; // the sentence is about both
      }
      String typed = entry.getValue().iterator().next();
      for (String name : entry.getKey().names()) {
        if (name.startsWith("--")) {
          String bare = Pattern.quote(name.substring(2));
          Stream<String> places =
              Stream.of("^" + bare + "(?= got)", "(?<![\\w-])--" + bare + "(?![\\w-])");
          for (String place : places.toList()) {
            result = result.replaceAll(place, Matcher.quoteReplacement(typed));
          }
        }
      }
    }
    return result;
  }

  private static OptionSpec option(CommandLine command, String word) {
    return word.startsWith("-") ? command.getCommandSpec().findOption(name(word)) : null;
  }

  /// Returns the flag of a word as it was typed, without the value that may follow an equals sign.
  private static String flag(String word) {
    int end = word.startsWith("--") ? word.indexOf('=') : -1;
    return end < 0 ? word : word.substring(0, end);
  }

  /// Returns the flag of a word by its name.
  private static String name(String word) {
    String flag = flag(word);
    return flag.startsWith("--") ? "--" + flag.substring(2).replace('-', '_') : flag;
  }
}
