package wan4j.ops;

/// The function that follows a linear layer.
public enum Activation {
  /// None.
  NONE,
  /// GELU in its tanh form.
  GELU_TANH,
  /// GELU in its exact form, with the error function.
  GELU_ERF,
  /// x / (1 + exp(-x)).
  SILU
}
