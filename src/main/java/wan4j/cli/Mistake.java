package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// What a command line lacks or has twice, as a sentence with the cure.
final class Mistake {
  private Mistake() {}

  /// Returns the sentence of a command line that could not be read.
  static String sentence(ParameterException exception) {
    return switch (exception) {
      case MissingParameterException missing when !missing.getMissing().isEmpty() ->
          missing(exception.getCommandLine().getCommandName(), missing);
      case OverwrittenOptionException twice ->
          "%s was given twice; expected it once: leave one of them out"
              .formatted(name(twice.getOverwritten()));
      case UnmatchedArgumentException unmatched -> unmatched(unmatched);
      default -> {
        ArgSpec argument = exception.getArgSpec();
        yield argument == null || !exception.getMessage().startsWith("Invalid value")
            ? exception.getMessage()
            : unreadable(argument, exception.getValue());
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

  private static String unreadable(ArgSpec argument, String value) {
    Class<?> type = argument.type().isArray() ? argument.type().componentType() : argument.type();
    String wanted =
        List.of(int.class, Integer.class, long.class, Long.class).contains(type)
            ? "a whole number"
            : List.of(double.class, Double.class, float.class, Float.class).contains(type)
                ? "a number"
                : type == Path.class ? "the name of a file or folder" : "another value";
    return "%s got \"%s\"; it takes %s".formatted(name(argument), value, wanted);
  }

  private static String missing(String command, MissingParameterException exception) {
    List<ArgSpec> missing = exception.getMissing();
    if (exception.getMessage().startsWith("Missing required parameter for option")) {
      ArgSpec option = missing.getFirst();
      return "%s got no value; expected %s: give it after the flag"
          .formatted(name(option), option.paramLabel());
    }
    String names = missing.stream().map(Mistake::name).collect(Collectors.joining(" and "));
    return "%s got no %s; add it, or see wan4j %s --help".formatted(command, names, command);
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }
}
