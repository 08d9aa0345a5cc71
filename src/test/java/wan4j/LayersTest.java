package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.tensor.Tensor;

class LayersTest {
  private static final String ROOT = "wan4j";
  private static final String HEADER = "| package | what is in it | may use |";

  private static final Pattern ROW =
      Pattern.compile("\\| `([a-z0-9]+(?:\\.[a-z0-9]+)*)` \\| [^|]+ \\| ([^|]+) \\|");
  private static final Pattern ALL_BUT = Pattern.compile("(?:everything|all) but (.+)");
  private static final Pattern NAMES = Pattern.compile("`[a-z0-9.]+`(?:, `[a-z0-9.]+`)*");

  /// A class of ours as a constant pool names it, alone or within a descriptor.
  private static final Pattern CLASS =
      Pattern.compile("(?:^|[\\[(;)<]L?|^L)wan4j/((?:[a-z0-9]+/)*)[A-Z]");

  @Test
  void everyPackageUsesOnlyWhatItsLayerMayUse() throws Exception {
    Map<String, Set<String>> mayUse = mayUse(Files.readString(Path.of("ARCHITECTURE.md")));
    Path classes =
        Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Set<String> seen = new TreeSet<>();
    Set<String> forbidden = new TreeSet<>();
    try (Stream<Path> files = Files.walk(classes.resolve(ROOT))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        String folder = classes.resolve(ROOT).relativize(file.getParent()).toString();
        String from = layer(folder, mayUse.keySet());
        seen.add(from);
        for (String to : used(ClassFile.of().parse(file), mayUse.keySet())) {
          if (!from.equals(to) && !mayUse.get(from).contains(to)) {
            forbidden.add(from + " -> " + to + " in " + file.getFileName());
          }
        }
      }
    }
    assertThat(forbidden).isEmpty();
    assertThat(seen)
        .as("the packages of ARCHITECTURE.md that have classes")
        .containsExactlyInAnyOrderElementsOf(mayUse.keySet());
  }

  private static Set<String> used(ClassModel model, Set<String> layers) {
    Set<String> used = new TreeSet<>();
    for (PoolEntry entry : model.constantPool()) {
      if (entry instanceof Utf8Entry text) {
        Matcher name = CLASS.matcher(text.stringValue());
        while (name.find()) {
          used.add(layer(name.group(1), layers));
        }
      }
    }
    return used;
  }

  /// A package within a layer belongs to that layer.
  private static String layer(String folder, Set<String> layers) {
    String whole = folder.replaceAll("/$", "").replace('/', '.');
    String name = whole.isEmpty() ? ROOT : whole;
    while (!layers.contains(name)) {
      if (!name.contains(".")) {
        throw new AssertionError("ARCHITECTURE.md has no row for the package " + whole);
      }
      name = name.substring(0, name.lastIndexOf('.'));
    }
    return name;
  }

  /// Returns which packages each package may use besides itself, as the table in the section
  /// "Rooms" of a page says it.
  private static Map<String, Set<String>> mayUse(String page) {
    List<String> table =
        page.lines()
            .dropWhile(line -> !line.equals("## Rooms"))
            .skip(1)
            .takeWhile(line -> !line.startsWith("## "))
            .filter(line -> line.startsWith("|"))
            .toList();
    if (table.size() < 3 || !table.getFirst().equals(HEADER)) {
      throw new AssertionError("ARCHITECTURE.md has no table under ## Rooms that begins " + HEADER);
    }
    Map<String, String> cells = new HashMap<>();
    for (String line : table.subList(2, table.size())) {
      Matcher row = ROW.matcher(line);
      if (!row.matches() || cells.put(row.group(1), row.group(2)) != null) {
        throw new AssertionError("ARCHITECTURE.md has an unreadable or second row: " + line);
      }
    }
    Map<String, Set<String>> mayUse = new HashMap<>();
    cells.forEach((name, cell) -> mayUse.put(name, packages(cell, cells.keySet())));
    return mayUse;
  }

  private static Set<String> packages(String cell, Set<String> all) {
    if (cell.equals("nothing of ours")) {
      return Set.of();
    }
    Matcher allBut = ALL_BUT.matcher(cell);
    boolean isAllBut = allBut.matches();
    String list = isAllBut ? allBut.group(1) : cell;
    if (!NAMES.matcher(list).matches()) {
      throw new AssertionError("ARCHITECTURE.md lets a package use what cannot be read: " + cell);
    }
    List<String> names = List.of(list.replace("`", "").split(", ", -1));
    if (!all.containsAll(names)) {
      throw new AssertionError("ARCHITECTURE.md names a package without a row: " + cell);
    }
    List<String> used = new ArrayList<>(isAllBut ? all : names);
    if (isAllBut) {
      used.removeAll(names);
    }
    return Set.copyOf(used);
  }

  @Test
  void theTableIsReadFromThePage() {
    assertThat(
            mayUse(
                page(
                    "| `wan4j` | the door | everything but `cli` |",
                    "| `a` | `X` | nothing of ours |",
                    "| `a.b` | y | `a` |",
                    "| `cli` | z | `wan4j`, `a.b` |")))
        .isEqualTo(
            Map.of(
                "wan4j",
                Set.of("wan4j", "a", "a.b"),
                "a",
                Set.of(),
                "a.b",
                Set.of("a"),
                "cli",
                Set.of("wan4j", "a.b")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "| a | what | nothing of ours |; unreadable or second row: | a |",
        "| `a` | what |; unreadable or second row: | `a` | what |",
        "| `b` | what | nothing of ours |; unreadable or second row: | `b`",
        "| `a` | what | some of `b` |; cannot be read: some of `b`",
        "| `a` | what | `b` and `b` |; cannot be read",
        "| `a` | what | `c` |; without a row: `c`",
        "| `a` | what | all but `c` |; without a row: all but `c`",
      })
  void aTableThatCannotBeReadIsToldByItsLine(String row, String words) {
    assertThatThrownBy(() -> mayUse(page("| `b` | what | nothing of ours |", row)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining(words);
  }

  @Test
  void aPageWithoutTheTableAndAPackageWithoutARowAreTold() {
    assertThatThrownBy(() -> mayUse("## Rooms\n\nnone\n\n## Tests\n" + HEADER))
        .hasMessageContaining("no table under ## Rooms");
    assertThat(layer("a/b/c/", Set.of("a", "a.b", "wan4j"))).isEqualTo("a.b");
    assertThatThrownBy(() -> layer("c/d", Set.of("a", "wan4j")))
        .hasMessageContaining("no row for the package c.d");
  }

  private static String page(String... rows) {
    return "# House\n\n## Rooms\n\n%s\n| --- | --- | --- |\n%s\n\n## Tests\n"
        .formatted(HEADER, String.join("\n", rows));
  }
}
