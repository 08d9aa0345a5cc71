package wan4j.cli;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// What a command line lacks or has twice, as a sentence with the cure.
final class Mistake {
  // what picocli says of `help` with another word
  private static final Pattern UNKNOWN = Pattern.compile("Unknown subcommand '(.*)'\\.");

  private Mistake() {}

  /// Returns the sentence of a command line that could not be read.
  static String sentence(ParameterException exception, TypedArguments arguments) {
    return switch (exception) {
      case MissingParameterException missing when !missing.getMissing().isEmpty() ->
          missing(exception.getCommandLine().getCommandSpec().qualifiedName(), missing);
      case OverwrittenOptionException twice -> twice(twice.getOverwritten(), arguments);
      case UnmatchedArgumentException unmatched -> unmatched(unmatched);
      default -> {
        ArgSpec argument = exception.getArgSpec();
        Matcher unknown = UNKNOWN.matcher(exception.getMessage());
        if (unknown.matches()) {
          yield "wan4j has no command %s; see wan4j --help".formatted(unknown.group(1));
        }
        yield argument == null || !exception.getMessage().startsWith("Invalid value")
            ? exception.getMessage()
            : "%s got \"%s\"; it takes %s"
                .formatted(
                    name(argument, arguments), exception.getValue(), Values.wanted(argument));
      }
    };
  }

  private static String unmatched(UnmatchedArgumentException exception) {
    CommandSpec command = exception.getCommandLine().getCommandSpec();
    String name = command.qualifiedName();
    String word = exception.getUnmatched().getFirst();
    boolean isFlag = word.startsWith("-");
    String kind =
        isFlag ? "no flag" : command.subcommands().isEmpty() ? "no place for" : "no command";
    String near =
        exception.getSuggestions().stream()
            .filter(suggestion -> suggestion.startsWith("-") == isFlag)
            .findFirst()
            .map(suggestion -> "did you mean %s? see".formatted(suggestion))
            .orElse("see");
    return "%s has %s %s; %s %s --help".formatted(name, kind, word, near, name);
  }

  /// Returns the spelling that was read last, which is the one that failed.
  private static String name(ArgSpec argument, TypedArguments arguments) {
    List<String> typed =
        argument instanceof OptionSpec option ? arguments.spellings(option) : List.of();
    return typed.isEmpty() ? Values.name(argument) : typed.getLast();
  }

  private static String twice(ArgSpec argument, TypedArguments arguments) {
    List<String> typed =
        argument instanceof OptionSpec option ? arguments.spellings(option) : List.of();
    return typed.size() > 1
        ? "%s and %s are one flag and were both given; leave one of them out"
            .formatted(typed.getFirst(), typed.getLast())
        : "%s was given twice; expected it once: leave one of them out"
            .formatted(Values.name(argument));
  }

  private static String missing(String command, MissingParameterException exception) {
    List<ArgSpec> missing = exception.getMissing();
    if (exception.getMessage().startsWith("Missing required parameter for option")) {
      ArgSpec option = missing.getFirst();
      return "%s got no value; expected %s: give it after the flag"
          .formatted(Values.name(option), option.paramLabel());
    }
    List<String> names = missing.stream().map(Values::name).toList();
    int last = names.size() - 1;
    String all =
        last == 0
            ? names.getFirst()
            : String.join(", ", names.subList(0, last)) + " and " + names.get(last);
    return "%s got no %s; add %s, or see %s --help"
        .formatted(command, all, last == 0 ? "it" : "them", command);
  }
}
