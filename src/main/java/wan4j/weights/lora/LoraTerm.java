package wan4j.weights.lora;

/// What a LoRA file adds to one parameter of a network, with its strength.
public record LoraTerm(LoraDelta delta, float strength) {
  /// Returns by what the delta's product or values are multiplied: the strength, and alpha / rank
  /// of a product.
  public float factor() {
    return switch (delta) {
      case LoraDelta.LowRank pair -> strength * pair.scale();
      case LoraDelta.Difference _ -> strength;
    };
  }
}
