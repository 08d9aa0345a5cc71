package wan4j;

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
