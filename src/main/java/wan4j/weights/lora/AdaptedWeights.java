package wan4j.weights.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;

/// What LoRA files, several at once, make of a whole network.
public final class AdaptedWeights {
  private AdaptedWeights() {}

  /// Returns what the files add to which parameter of the network, by full name; throws
  /// `InputException` when one does not belong to it.
  public static Map<String, List<LoraTerm>> additions(
      Weights network, List<LoraApplication> applications) {
    Map<String, List<LoraTerm>> terms = new LinkedHashMap<>();
    for (LoraApplication application : applications) {
      application
          .lora()
          .match(network)
          .forEach((name, delta) ->
              terms
                  .computeIfAbsent(name, _ -> new ArrayList<>())
                  .add(new LoraTerm(delta, application.strength())));
    }
    return terms;
  }

  /// Returns the same weights with the files added, computed in float32 while they are read; throws
  /// `InputException` when one does not belong to this network or a weight it changes is stored in
  /// FP8.
  public static Weights merged(Weights network, List<LoraApplication> applications) {
    return merged(network, applications, _ -> true);
  }

  /// Does so, where `runsInFloat8` tells by a layer's name whether its weight would be quantised
  /// anew if it is stored in FP8; others are merely widened, and can be changed.
  public static Weights merged(
      Weights network, List<LoraApplication> applications, Predicate<String> runsInFloat8) {
    Map<String, TensorSource> merged = new LinkedHashMap<>();
    additions(network, applications)
        .forEach((name, terms) -> {
          TensorSource base = network.source(name);
          DType stored =
              base instanceof ScaledSource scaled ? scaled.codes().dtype() : base.dtype();
          String layer = name.replaceFirst("\\.weight$", "");
          boolean isQuantised = stored.bytes() < 2 && runsInFloat8.test(layer);
          if (isQuantised || !stored.isFloat()) {
            throw new InputException(
                "%s stores %s as %s, into which no LoRA can be merged; let it run beside the weights (--lora_mode side), or run them in bf16 (--quantize False)"
                    .formatted(network.title(), name, stored));
          }
          merged.put(name, new MergedSource(base, terms));
        });
    return network.with(merged);
  }
}
