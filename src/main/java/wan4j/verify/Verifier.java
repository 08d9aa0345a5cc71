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
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.engine.RankPart;
import wan4j.tensor.InputException;

/// Runs the reference cases below folders against this build, and reports each one's distance from
/// the reference.
public final class Verifier {
  private static final Map<String, CaseKind> KINDS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("animate-clip", AnimateCases::clip),
              Map.entry("animate-dit", CharacterCases::forward),
              Map.entry("animate-face-block", CharacterCases::faceBlock),
              Map.entry("animate-face-encoder", AnimateCases::faceEncoder),
              Map.entry("animate-img", CharacterCases::picture),
              Map.entry("animate-lora", CharacterCases::lora),
              Map.entry("animate-motion", AnimateCases::motion),
              Map.entry("animate-pipeline", new CharacterPipelineCases()),
              Map.entry("animate-pp", new PreprocessCases()),
              Map.entry("dit", new DitCases()),
              Map.entry("s2v-dit", SpeechTransformerCases::forward),
              Map.entry("s2v-mod-audio-encoder", SpeechTransformerCases::audioEncoder),
              Map.entry("s2v-mod-audio-injector", SpeechTransformerCases::injector),
              Map.entry("s2v-mod-block-segments", SpeechTransformerCases::block),
              Map.entry("s2v-mod-framepack", SpeechTransformerCases::framePacker),
              Map.entry("s2v-pipeline", new SpeechPipelineCases()),
              Map.entry("s2v-wav2vec", new SpeechCases()),
              Map.entry("s2v-mod-rope", new RotaryCases()),
              Map.entry("s2v-mod-size-and-buckets", new SpeechSizeCases()),
              Map.entry("fp8", new Float8Cases()),
              Map.entry("images", new ImageCases()),
              Map.entry("lora", new LoraCases()),
              Map.entry("magcache", new MagCacheCases()),
              Map.entry("manifests", new ManifestCases()),
              Map.entry("metrics", new MetricCases()),
              Map.entry("pipeline", new PipelineCases()),
              Map.entry("rng", new NoiseCases()),
              Map.entry("schedulers", new SchedulerCases()),
              Map.entry("tokenizer", new TokenizerCases()),
              Map.entry("umt5", new UmT5Cases()),
              Map.entry("vae21", new VaeCases()),
              Map.entry("vae22", new VaeCases())));

  /// The kinds that ranks can divide: whole forwards, autoencoders and requests.
  private static final Set<String> DIVIDED =
      Set.of(
          "animate-dit",
          "animate-pipeline",
          "dit",
          "pipeline",
          "s2v-dit",
          "s2v-pipeline",
          "vae21",
          "vae22");

  // a folder that lacks one of the two files is a failed case
  private static final Set<String> FILES = Set.of("case.json", "case.safetensors");

  private Verifier() {}

  /// The result of a case.
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

    /// The ranks at work cannot divide the case.
    record Undivided(String kind, String name) implements Result {}
  }

  /// Returns the kinds that this build can compute.
  public static Set<String> kinds() {
    return Set.copyOf(KINDS.keySet());
  }

  /// Runs all cases below the folders whose kind is among `kinds` (all when empty), in the order of
  /// their paths; throws `InputException` when a folder does not exist or holds no case.
  public static void run(
      List<Path> folders, Set<String> kinds, Backend backend, Consumer<Result> report) {
    List<Path> all = new ArrayList<>();
    for (Path folder : folders) {
      List<Path> cases = cases(folder);
      if (cases.isEmpty()) {
        throw new InputException(
            "%s holds no reference case; expected folders with a case.json".formatted(folder));
      }
      all.addAll(cases);
    }
    requireKnown(kinds, all);
    boolean isAny = false;
    for (Path path : all) {
      Result result = run(path, kinds, backend);
      if (result != null) {
        isAny = true;
        report.accept(result);
      }
    }
    if (!isAny) {
      throw noCase(kinds);
    }
  }

  /// Runs the cases that ranks can divide on as many as `ranks` says, threads of this process or
  /// the processes of a launcher's job, and reports them on the first one; throws as [#run] does,
  /// and the failure of a rank.
  public static void runOnRanks(
      List<Path> folders,
      Set<String> kinds,
      Device device,
      Arithmetic arithmetic,
      Ranks ranks,
      Consumer<Result> report) {
    RankPart.together(
        device,
        arithmetic,
        ranks,
        part ->
            run(
                folders,
                kinds,
                Backend.of(part, device, arithmetic),
                part.isFirst() ? report : _ -> {}));
  }

  /// Throws `InputException` for a kind that neither this build nor one of the cases knows.
  private static void requireKnown(Set<String> kinds, List<Path> cases) {
    Set<String> unknown = new TreeSet<>(kinds);
    unknown.removeAll(KINDS.keySet());
    cases.forEach(path -> unknown.remove(ReferenceCase.kindOf(path)));
    if (!unknown.isEmpty()) {
      throw noCase(unknown);
    }
  }

  private static InputException noCase(Set<String> kinds) {
    return new InputException(
        "no reference case has the kind %s; this build knows %s"
            .formatted(String.join(", ", kinds), String.join(", ", KINDS.keySet())));
  }

  /// Returns the result of a case, or null when its kind was not asked for. Damaged files fail
  /// their case, never the whole run.
  private static Result run(Path path, Set<String> kinds, Backend backend) {
    // when the case itself cannot say
    String kind = ReferenceCase.kindOf(path);
    String name = ReferenceCase.nameOf(path);
    try (var reference = ReferenceCase.open(path)) {
      kind = reference.kind();
      String family = ReferenceCase.family(kind);
      if (!kinds.isEmpty() && !kinds.contains(kind) && !kinds.contains(family)) {
        return null;
      }
      CaseKind known = KINDS.get(kind);
      if (known == null) {
        return new Result.Skipped(family, name);
      }
      if (backend.part().ranks() > 1 && !DIVIDED.contains(kind)) {
        return new Result.Undivided(family, name);
      }
      List<Comparison> comparisons = new ArrayList<>(known.run(reference, backend));
      if (comparisons.isEmpty()) {
        return new Result.Failed(kind, name, "it holds nothing to compare");
      }
      comparisons.sort(Comparator.comparingDouble(Verifier::distance).reversed());
      return new Result.Compared(kind, name, comparisons);
    } catch (InputException e) {
      return kinds.isEmpty() || kinds.contains(kind)
          ? new Result.Failed(kind, name, e.getMessage())
          : null;
    } catch (Backend.UndividedException e) {
      return new Result.Undivided("%s of %s".formatted(kind, e.getMessage()), name);
    } catch (RuntimeException e) {
      if (backend.part().ranks() > 1) {
        throw e; // the other ranks wait for this one
      }
      return new Result.Failed(kind, name, "its files do not fit together: " + e);
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
          "%s is not a folder; expected one with reference cases below it".formatted(folder));
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> FILES.contains(file.getFileName().toString()))
          .map(Path::getParent)
          .distinct()
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
