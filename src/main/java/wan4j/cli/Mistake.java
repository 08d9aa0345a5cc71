package wan4j.cli;

import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;

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
      default -> exception.getMessage();
    };
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
