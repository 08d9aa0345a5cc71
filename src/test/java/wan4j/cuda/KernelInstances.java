package wan4j.cuda;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import wan4j.cuda.jit.KernelSource;

/// The instances of kernels that the full-size networks ask for, as `KernelWalkTest` has found
/// them: kernels.txt, of which each line is a file and its constants.
public final class KernelInstances {
  private static final String RESOURCE = "kernels.txt";
  private static final Pattern INCLUDE = Pattern.compile("#include \"(.*)\"");
  private static final Pattern CONSTANT =
      Pattern.compile("constexpr (?:bool|int) (\\w+) = (\\w+);");

  /// What says how long rows are, and nothing of how much of them a thread holds.
  private static final Set<String> LENGTHS =
      Set.of("COLUMNS", "CHANNELS", "STRIDE", "INPUTS", "TARGETS");

  private KernelInstances() {}

  /// Returns the line of a program that is compiled.
  public static String line(String program) {
    String file = INCLUDE.matcher(program).results().findFirst().orElseThrow().group(1);
    String constants =
        CONSTANT
            .matcher(program)
            .results()
            .map(match -> " " + match.group(1) + "=" + match.group(2))
            .collect(joining());
    return file + constants;
  }

  /// Returns all lines.
  public static List<String> lines() {
    try (InputStream stream = KernelInstances.class.getResourceAsStream(RESOURCE)) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Returns all instances.
  static List<KernelSource> all() {
    return lines().stream().map(KernelSource::of).toList();
  }

  /// How many instances of a file stand for all of it. Of lengths of rows only the elements count
  /// that a thread holds.
  enum Cover {
    /// Each value that a constant has anywhere, it has in one of them.
    VALUES,
    /// Whichever values two constants have together in one, they have together in one of them.
    PAIRS,
    /// All of them.
    ALL
  }

  /// Returns instances of each file that stand for all.
  static List<KernelSource> of(Cover cover) {
    if (cover == Cover.ALL) {
      return all();
    }
    List<KernelSource> few = new ArrayList<>();
    all().stream()
        .collect(Collectors.groupingBy(KernelSource::file, TreeMap::new, Collectors.toList()))
        .values()
        .forEach(instances -> few.addAll(few(instances, cover)));
    return few;
  }

  private static List<KernelSource> few(List<KernelSource> instances, Cover cover) {
    Map<KernelSource, Set<String>> covered = new LinkedHashMap<>();
    instances.forEach(instance ->
        covered.put(instance, cover == Cover.PAIRS ? pairs(instance) : values(instance)));
    Set<String> missing = new HashSet<>();
    covered.values().forEach(missing::addAll);
    List<KernelSource> few = new ArrayList<>();
    while (!missing.isEmpty()) {
      KernelSource best =
          instances.stream()
              .max(
                  Comparator.comparingLong(
                      instance -> covered.get(instance).stream().filter(missing::contains).count()))
              .orElseThrow();
      missing.removeAll(covered.get(best));
      few.add(best);
    }
    return few;
  }

  private static Set<String> pairs(KernelSource instance) {
    Set<String> values = values(instance);
    return values.stream()
        .flatMap(first -> values.stream().map(second -> first + " " + second))
        .collect(Collectors.toSet());
  }

  private static Set<String> values(KernelSource instance) {
    Set<String> values = new TreeSet<>();
    instance
        .constants()
        .forEach((name, value) -> {
          if (!LENGTHS.contains(name)) {
            values.add(name + "=" + value);
          }
        });
    values.add("held=" + held(instance.constants()));
    return values;
  }

  /// Returns how many vectors of a row a thread holds, 0 where threads hold no rows.
  private static int held(Map<String, Object> constants) {
    int threads = number(constants, "THREADS", number(constants, "LANES", 0));
    int length = number(constants, "COLUMNS", number(constants, "CHANNELS", 0));
    return threads == 0 ? 0 : Math.ceilDiv(length / number(constants, "VECTOR", 1), threads);
  }

  private static int number(Map<String, Object> constants, String name, int fallback) {
    return (int) constants.getOrDefault(name, fallback);
  }
}
