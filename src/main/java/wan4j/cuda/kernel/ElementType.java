package wan4j.cuda.kernel;

import wan4j.ops.Activation;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The numbers of element types and activations in kernels (tile.cuh).
final class ElementType {
  private ElementType() {}

  /// Returns the number of a float type that kernels read and write.
  static int of(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case BF16 -> 1;
      case F16 -> 2;
      case F8_E4M3 -> 3;
      case F64 -> 4;
      case F8_E5M2, I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalArgumentException(
              "got " + dtype + ", expected F32, BF16, F16, F8_E4M3 or F64 elements");
    };
  }

  /// Returns the number of a tensor's element type.
  static int of(Tensor tensor) {
    return of(tensor.dtype());
  }

  /// Returns the number of an activation.
  static int of(Activation activation) {
    return switch (activation) {
      case NONE -> 0;
      case GELU_TANH -> 1;
      case GELU_ERF -> 2;
      case SILU -> 3;
      case LEAKY_RELU -> 4;
    };
  }
}
