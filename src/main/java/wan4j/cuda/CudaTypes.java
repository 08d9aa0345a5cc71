package wan4j.cuda;

import wan4j.tensor.DType;

/// The element types in which the CUDA backend computes: of activations (BF16 or F32), of the
/// residual stream (BF16 or F32), and whether float32 products may round their operands to TF32.
public record CudaTypes(DType activation, DType residual, boolean tf32) {
  /// bfloat16 activations beside a float32 residual stream, 1.55 GB at 720P, which keeps every
  /// addition of 40 blocks whole.
  public static final CudaTypes BFLOAT16 = new CudaTypes(DType.BF16, DType.F32, false);

  /// bfloat16 throughout, which halves the memory of the residual stream, saves 0.2 of a block's 30
  /// ms on an H100 (benchmarks/h100-block.json, share 8) and rounds the stream with every addition.
  public static final CudaTypes BFLOAT16_RESIDUAL = new CudaTypes(DType.BF16, DType.BF16, false);

  /// float32 throughout, without tensor cores.
  public static final CudaTypes FLOAT32 = new CudaTypes(DType.F32, DType.F32, false);

  /// float32 with TF32 products.
  public static final CudaTypes TF32 = new CudaTypes(DType.F32, DType.F32, true);

  /// Refuses other types.
  public CudaTypes {
    boolean isKnown =
        (activation == DType.BF16 || activation == DType.F32)
            && (residual == DType.BF16 || residual == DType.F32);
    if (!isKnown) {
      throw new IllegalArgumentException(
          "got activations in %s and a residual stream in %s, expected BF16 or F32"
              .formatted(activation, residual));
    }
  }
}
