package wan4j.verify;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// Runs the reference cases below folders against this build, and tells of each how far it is from
/// the reference.
public final class Verifier {
  private static final Map<String, CaseKind> KINDS =
      new TreeMap<>(
          Map.of(
              "dit", new DitCases(),
              "magcache", new MagCacheCases(),
              "pipeline", new PipelineCases(),
              "umt5", new UmT5Cases(),
              "vae21", new VaeCases(),
              "vae22", new VaeCases()));

  private Verifier() {}

  /// What became of a case.
  public sealed interface Result {
    /// Returns the kind of the case.
    String kind();

    /// Returns the name of the case.
    String name();

    /// The case was computed; `comparisons` hold the worst first.
    record Compared(String kind, String name, List<Comparison> comparisons) implements Result {
      /// Says whether every comparison is near enough.
      public boolean passes() {
        return !comparisons.isEmpty() && comparisons.stream().allMatch(Comparison::passes);
      }

      /// Returns the comparison that is furthest beyond, or nearest to, its tolerance.
      public Comparison worst() {
        return comparisons.getFirst();
      }
    }

    /// The case could not be computed.
    record Failed(String kind, String name, String reason) implements Result {}

    /// This build does not know the kind.
    record Skipped(String kind, String name) implements Result {}
  }

  /// Returns the kinds that this build can compute.
  public static Set<String> kinds() {
    return Set.copyOf(KINDS.keySet());
  }

  /// Runs all cases below the folders whose kind is among `kinds` (all when empty), in the order of
  /// their paths; throws `InputException` when a folder does not exist or holds no case.
  public static void run(
      List<Path> folders, Set<String> kinds, Backend backend, Consumer<Result> report) {
    for (Path folder : folders) {
      List<Path> cases = cases(folder);
      if (cases.isEmpty()) {
        throw new InputException(
            "%s holds no reference case; expected folders with a case.json".formatted(folder));
      }
      for (Path path : cases) {
        try (var reference = ReferenceCase.open(path)) {
          if (kinds.isEmpty() || kinds.contains(reference.kind())) {
            report.accept(run(reference, backend));
          }
        }
      }
    }
  }

  private static Result run(ReferenceCase reference, Backend backend) {
    CaseKind kind = KINDS.get(reference.kind());
    if (kind == null) {
      return new Result.Skipped(reference.kind(), reference.name());
    }
    try {
      List<Comparison> comparisons = new ArrayList<>(kind.run(reference, backend));
      comparisons.sort(Comparator.comparingDouble(Verifier::distance).reversed());
      return new Result.Compared(reference.kind(), reference.name(), comparisons);
    } catch (InputException | IllegalArgumentException | IllegalStateException e) {
      return new Result.Failed(reference.kind(), reference.name(), String.valueOf(e.getMessage()));
    }
  }

  private static double distance(Comparison comparison) {
    if (Double.isNaN(comparison.error())) {
      return Double.POSITIVE_INFINITY;
    }
    if (comparison.tolerance() == 0) {
      return comparison.error() == 0 ? 0 : Double.MAX_VALUE;
    }
    return comparison.error() / comparison.tolerance();
  }

  private static List<Path> cases(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "%s is no folder; expected one with reference cases below it".formatted(folder));
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> file.getFileName().toString().equals("case.json"))
          .map(Path::getParent)
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
