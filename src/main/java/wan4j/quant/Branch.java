package wan4j.quant;

/// The guidance branch that a forward serves; delayed scaling keeps its history apart for each.
public enum Branch {
  /// The forward with the user's prompt.
  CONDITIONAL,
  /// The forward with the negative prompt.
  UNCONDITIONAL
}
