package wan4j;

import wan4j.cuda.CudaOps;
import wan4j.ops.NullOps;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;

/// The memory that a request needs on its device, known before it runs: the most that weights fill
/// at once, the most that tensors of scopes fill at once, which is reserved in one range, and what
/// is always there. All in bytes.
///
/// @param weights networks
/// @param scopes tensors that come and go
/// @param fixed the workspace of products and buffers for reading weights
/// @param allowance what the plans of cuDNN may take for their workspace
public record MemoryNeed(long weights, long scopes, long fixed, long allowance) {
  /// Returns the backend without elements on which a request is tried to learn its need.
  public static NullOps shapes(Device device, Arithmetic arithmetic) {
    return switch (device) {
      case CPU -> new NullOps();
      case CUDA ->
          NullOps.device(
              switch (arithmetic) {
                case BFLOAT16, BFLOAT16_RESIDUAL -> DType.BF16;
                case TF32, FLOAT32 -> DType.F32;
              },
              arithmetic.residual(device));
    };
  }

  /// Returns the need of what has run on a backend of [#shapes].
  public static MemoryNeed of(NullOps ops, Device device, boolean readsFiles) {
    return switch (device) {
      case CPU -> {
        long weights = ops.mostWeightBytes();
        yield new MemoryNeed(weights, ops.peakBytes() - weights, 0, 0);
      }
      case CUDA ->
          new MemoryNeed(
              ops.mostWeightBytes(),
              ops.mostScopeBytes(),
              CudaOps.fixedBytes(readsFiles),
              CudaOps.allowanceBytes());
    };
  }

  /// Returns the bytes in all.
  public long bytes() {
    return weights + scopes + fixed + allowance;
  }

  /// Throws `InputException` with the numbers when so many bytes are too few.
  public void requireFits(long available) {
    if (bytes() > available) {
      throw new InputException(
          "the request needs %,d MiB on the GPU (%,d for networks, %,d for its tensors, %,d for buffers, %,d allowed for the plans of cuDNN) and %,d MiB are free; choose a smaller --size or --frame_num, or give --offload_model True, --t5_cpu or --quantize"
              .formatted(
                  bytes() >> 20,
                  weights >> 20,
                  scopes >> 20,
                  fixed >> 20,
                  allowance >> 20,
                  available >> 20));
    }
  }
}
