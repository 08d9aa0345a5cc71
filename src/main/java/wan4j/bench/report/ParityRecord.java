package wan4j.bench.report;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.bench.measure.Measurement;
import wan4j.verify.Comparison;
import wan4j.verify.Comparison.Measure;
import wan4j.verify.Verifier;

/// Results of `wan4j verify` as figures of a benchmark file: for each kind of case how many passed,
/// and the distances of all comparisons from the reference.
public final class ParityRecord {
  /// The results of one kind.
  private static final class Kind {
    private int passed;
    private int failed;
    private final Map<Measure, List<Double>> values = new EnumMap<>(Measure.class);
    private final List<Double> shares = new ArrayList<>(); // of what is tolerated

    private void add(Comparison comparison) {
      if (Double.isFinite(comparison.figure())) {
        values
            .computeIfAbsent(comparison.measure(), _ -> new ArrayList<>())
            .add(comparison.figure());
      }
      if (comparison.tolerance() > 0 && Double.isFinite(comparison.error())) {
        shares.add(comparison.error() / comparison.tolerance());
      }
    }
  }

  private final Map<String, Object> common;
  private final Map<String, Kind> kinds = new TreeMap<>();

  /// Creates a record of cases that run on a device in an arithmetic, with attention by what is
  /// named wherever that can do it, or null for what is fastest.
  public ParityRecord(Device device, Arithmetic arithmetic, String attention) {
    this(device, arithmetic, attention, 1);
  }

  /// Creates a record of cases that so many ranks divide: forwards among all of them, requests as
  /// an engine does.
  public ParityRecord(Device device, Arithmetic arithmetic, String attention, int ranks) {
    common = new LinkedHashMap<>();
    common.put("precision", arithmetic.spelling(device));
    common.put("residual", arithmetic.residualSpelling(device));
    common.put("gpus", device == Device.CUDA ? ranks : 0);
    if (ranks > 1) {
      common.put("ranks", ranks);
      common.put("layout", "forwards 1 x %d, requests as an engine divides them".formatted(ranks));
    }
    if (attention != null) {
      common.put("attention", attention);
    }
  }

  /// Adds a case; a case of an unknown kind is not counted.
  public void add(Verifier.Result result) {
    switch (result) {
      case Verifier.Result.Compared compared -> {
        Kind kind = kind(compared.kind());
        kind.passed += compared.passes() ? 1 : 0;
        kind.failed += compared.passes() ? 0 : 1;
        compared.comparisons().forEach(kind::add);
      }
      case Verifier.Result.Failed failed -> kind(failed.kind()).failed++;
      case Verifier.Result.Skipped _, Verifier.Result.Undivided _ -> {}
    }
  }

  private Kind kind(String name) {
    return kinds.computeIfAbsent(name, _ -> new Kind());
  }

  /// Returns the figures. The median, least and largest of a distance are those of all comparisons
  /// of the kind.
  public List<Measurement> measurements() {
    List<Measurement> results = new ArrayList<>();
    kinds.forEach((name, kind) -> {
      Map<String, Object> parameters = new LinkedHashMap<>();
      parameters.put("kind", name);
      parameters.putAll(common);
      results.add(Measurement.of("verify", parameters, "cases passed", "cases", kind.passed));
      results.add(Measurement.of("verify", parameters, "cases failed", "cases", kind.failed));
      kind.values.forEach((measure, values) -> {
        if (measure != Measure.OTHER) {
          results.add(of(parameters, measure.title(), measure.unit(), values));
        }
      });
      if (!kind.shares.isEmpty()) {
        results.add(of(parameters, "share of the tolerance", "", kind.shares));
      }
    });
    return results;
  }

  private static Measurement of(
      Map<String, Object> parameters, String metric, String unit, List<Double> values) {
    double[] all = values.stream().mapToDouble(Double::doubleValue).toArray();
    return Measurement.of("verify", parameters, metric, unit, all);
  }
}
