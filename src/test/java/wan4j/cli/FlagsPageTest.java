package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// docs/flags.md names every flag of every command, and no other.
class FlagsPageTest {
  private static final Path PAGE = Path.of("docs/flags.md");

  /// A table's line begins with the names of its flags.
  private static final Pattern LINE = Pattern.compile("(?m)^\\| (`-[^|]*) \\|");

  private static final Pattern FLAG = Pattern.compile("`(--?[A-Za-z0-9_]+)`");

  private static final Set<String> EVERYWHERE = Set.of("-h", "--help", "-V", "--version");

  @Test
  void everyFlagOfEveryCommandIsOnThePage() throws IOException {
    Map<String, Set<String>> expected = new TreeMap<>();
    Main.commands().getSubcommands().forEach((name, command) -> expected.put(name, flags(command)));
    expected.values().removeIf(Set::isEmpty);
    Map<String, Set<String>> found = new TreeMap<>();
    for (String section : Files.readString(PAGE).split("(?m)^## ", -1)) {
      if (section.startsWith("`")) {
        found.put(section.substring(1, section.indexOf('`', 1)), flags(section));
      }
    }
    found.values().removeIf(Set::isEmpty);
    assertThat(found).as(PAGE.toString()).isEqualTo(expected);
  }

  /// The flags of a command and of the commands below it.
  private static Set<String> flags(CommandLine command) {
    Set<String> flags = new TreeSet<>();
    command.getCommandSpec().options().stream()
        .filter(option -> !option.hidden())
        .flatMap(option -> Arrays.stream(option.names()))
        .filter(name -> !EVERYWHERE.contains(name))
        .forEach(flags::add);
    command.getSubcommands().values().forEach(below -> flags.addAll(flags(below)));
    return flags;
  }

  /// The flags at which the tables of a section begin their lines.
  private static Set<String> flags(String section) {
    return LINE.matcher(section)
        .results()
        .flatMap(line -> FLAG.matcher(line.group(1)).results())
        .map((MatchResult flag) -> flag.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
