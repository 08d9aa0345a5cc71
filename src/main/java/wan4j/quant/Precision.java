package wan4j.quant;

/// The arithmetic of a linear layer; a property of the layer's weight, not of the network.
public enum Precision {
  /// Weights and inputs in float32: the time embedding and other layers that need the precision.
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

  /// Returns which elements of a weight share a scale; throws `IllegalStateException` for
  /// precisions without scales.
  public Granularity weightGranularity() {
    return switch (this) {
      case FLOAT8_CURRENT, FLOAT8_DELAYED -> Granularity.TENSOR;
      case FLOAT8_BLOCK -> Granularity.BLOCK_128X128;
      case FLOAT8_TOKEN -> Granularity.ROW;
      case FLOAT32, PLAIN -> throw new IllegalStateException(this + " has no scales");
    };
  }

  /// Returns how scales follow from magnitudes.
  public ScaleRule scaleRule() {
    return this == FLOAT8_BLOCK ? ScaleRule.BLOCK : ScaleRule.EXACT;
  }
}
