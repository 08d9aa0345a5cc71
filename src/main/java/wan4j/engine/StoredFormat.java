package wan4j.engine;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import wan4j.Quantization;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LinearGroup;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.PrecisionTable;
import wan4j.quant.StoredFloat8;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// What a network's files store in FP8, and the recipe in which it runs unless the user names
/// another: the one that the files name, else the one that takes their scales as they are.
///
/// @param recipe the recipe, or `NONE` where nothing is stored in FP8
/// @param weights the weights that are stored in FP8, by the name of their layer
/// @param fullPrecision those of them whose products the files want in full precision
public record StoredFormat(
    Quantization.Recipe recipe, Map<String, TensorSource> weights, Set<String> fullPrecision) {
  /// Looks at a network; throws `InputException` when its files name a recipe that there is not.
  public static StoredFormat of(Weights network) {
    Map<String, TensorSource> stored = network.float8();
    Set<String> plain = new HashSet<>(network.fullPrecision());
    plain.retainAll(stored.keySet());
    if (stored.size() == plain.size()) {
      return new StoredFormat(Quantization.Recipe.NONE, stored, plain);
    }
    String name = network.metadata().get(Weights.RECIPE);
    if (name == null) {
      boolean isTiled =
          stored.values().stream()
              .anyMatch(weight -> weight instanceof ScaledSource scaled && scaled.isTiled());
      // A scale for each output takes those of a tensor too: each of its rows gets the same.
      return new StoredFormat(
          isTiled ? Quantization.Recipe.BLOCK : Quantization.Recipe.TOKEN, stored, plain);
    }
    for (Quantization.Recipe recipe : Quantization.Recipe.named()) {
      if (recipe.spelling().equals(name)) {
        return new StoredFormat(recipe, stored, plain);
      }
    }
    throw new InputException(
        "%s was converted by the FP8 recipe \"%s\", which this wan4j does not know; name one with --quantize --fp8_recipe"
            .formatted(network.title(), name));
  }

  /// Returns the table that the network loads by where no other recipe is asked for, with layers
  /// that stay plain.
  public PrecisionTable table(List<String> skipped) {
    Set<String> run = new HashSet<>(weights.keySet());
    run.removeAll(fullPrecision);
    return PrecisionTable.ofStored(Precisions.of(recipe), run, skipped);
  }

  /// Returns how the stored weights are scaled, as a phrase; the format of most of them.
  public String scales() {
    Map<String, Integer> counts = new TreeMap<>();
    weights.values().forEach(weight -> counts.merge(scales(weight), 1, Integer::sum));
    return counts.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse("no scales");
  }

  private static String scales(TensorSource weight) {
    TensorSource codes = weight instanceof ScaledSource scaled ? scaled.codes() : weight;
    String type = codes.dtype() == DType.F8_E5M2 ? " (E5M2)" : "";
    if (!(weight instanceof ScaledSource scaled)) {
      return "no scales" + type;
    }
    Shape factors = scaled.factors().shape();
    if (factors.count() == 1) {
      return "one scale a tensor" + type;
    }
    if (scaled.isTiled()) {
      return "a scale for each 128 x 128 block" + type;
    }
    long inputs = weight.shape().count() / weight.shape().size(0);
    return factors.rank() == 1
        ? "a scale for each output" + type
        : "a scale for each block of %d inputs%s".formatted(inputs / factors.size(1), type);
  }

  /// Returns how many of a transformer's stored weights are quantised a second time when it loads
  /// by a table, because their scales are not those of its recipe.
  public int quantisedAgain(TransformerConfig config, Weights network, PrecisionTable table) {
    if (weights.isEmpty()) {
      return 0;
    }
    long again = 0;
    try (NullOps ops = new NullOps();
        DiffusionNetwork transformer =
            DiffusionNetwork.load(config, network, ops, SequenceGroup.SOLO, table)) {
      for (LinearGroup group : transformer.linearLayers()) {
        if (group.precision().isFloat8() && !isTaken(network, group)) {
          again += group.layers().stream().filter(weights::containsKey).count();
        }
      }
    }
    return Math.toIntExact(again);
  }

  private static boolean isTaken(Weights network, LinearGroup group) {
    List<TensorSource> sources =
        group.layers().stream().map(layer -> network.tensor(layer + ".weight")).toList();
    return StoredFloat8.of(sources, group.precision().weightGranularity()) != null;
  }
}
