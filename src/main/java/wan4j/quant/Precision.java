package wan4j.quant;

/// In which arithmetic a linear layer runs; it belongs to the layer's weight, not to the network.
public enum Precision {
  /// Weights and inputs in float32: the time embedding and what else must not lose bits.
  FLOAT32,
  /// Weights and inputs in the backend's activation type: float32 on the CPU, bfloat16 or float32
  /// on a GPU.
  PLAIN,
  /// E4M3 with one scale a tensor, taken from the tensor itself.
  FLOAT8_CURRENT,
  /// E4M3 with one scale a tensor, taken from the largest magnitudes of earlier forwards.
  FLOAT8_DELAYED,
  /// E4M3 with power-of-two scales for 1 x 128 pieces of the input and 128 x 128 pieces of the
  /// weight.
  FLOAT8_BLOCK,
  /// E4M3 with one scale a row of the input and one an output channel of the weight.
  FLOAT8_TOKEN;

  /// Says whether weights and inputs are 8-bit floats.
  public boolean isFloat8() {
    return switch (this) {
      case FLOAT32, PLAIN -> false;
      case FLOAT8_CURRENT, FLOAT8_DELAYED, FLOAT8_BLOCK, FLOAT8_TOKEN -> true;
    };
  }
}
