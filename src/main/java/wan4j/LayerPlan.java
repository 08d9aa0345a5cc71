package wan4j;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.engine.Precisions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LinearGroup;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Linear layers of a transformer that run in one arithmetic for one reason.
///
/// @param precision the arithmetic: `fp8`, `fp32`, or `bf16` for the device's usual one
/// @param reason why they do, as a phrase
/// @param layers their names in the original checkpoint
public record LayerPlan(String precision, String reason, List<String> layers) {
  private static final int NAMED = 3; // layers that a line names

  /// Copies the names.
  public LayerPlan {
    layers = List.copyOf(layers);
  }

  /// Returns the plan of all linear layers of a transformer, in the order in which they are loaded;
  /// throws `InputException` when `--fp8_skip` names none of them.
  static List<LayerPlan> of(TransformerConfig config, Weights weights, Quantization quantization) {
    record Key(String precision, String reason) {}
    PrecisionTable table = Precisions.table(quantization, weights);
    Map<Key, List<String>> found = new LinkedHashMap<>();
    try (NullOps ops = new NullOps();
        DiffusionNetwork transformer =
            DiffusionNetwork.load(config, weights, ops, SequenceGroup.SOLO, table)) {
      for (LinearGroup group : transformer.linearLayers()) {
        Key key = new Key(name(group.precision()), table.reason(group.layers()));
        found.computeIfAbsent(key, _ -> new ArrayList<>()).addAll(group.layers());
      }
    }
    List<LayerPlan> plans = new ArrayList<>();
    found.forEach((key, layers) -> plans.add(new LayerPlan(key.precision, key.reason, layers)));
    return plans;
  }

  private static String name(Precision precision) {
    return switch (precision) {
      case FLOAT32 -> "fp32";
      case PLAIN -> "bf16";
      case FLOAT8_CURRENT, FLOAT8_DELAYED, FLOAT8_BLOCK, FLOAT8_TOKEN -> "fp8";
    };
  }

  /// Returns the plan as a line of text.
  public String line() {
    String names = String.join(", ", layers.subList(0, Math.min(NAMED, layers.size())));
    String more = layers.size() > NAMED ? " and %,d more".formatted(layers.size() - NAMED) : "";
    return "%-4s  %s%s: %s".formatted(precision, names, more, reason);
  }
}
