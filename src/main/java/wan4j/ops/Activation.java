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
  SILU,
  /// x, or 0.2 x below zero: the leaky ReLU of face and motion encoders.
  LEAKY_RELU
}
