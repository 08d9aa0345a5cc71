package wan4j.cuda.bind;

import java.util.Optional;

/// At which clock a GPU runs and what power it draws at a moment, as NVML tells.
///
/// @param megahertz the clock of its multiprocessors
/// @param watts the power of the whole board, averaged by the driver over about a second
public record DeviceLoad(int megahertz, double watts) {
  /// Looks at the GPU of an ordinal; nothing where NVML is missing or does not answer.
  public static Optional<DeviceLoad> now(int ordinal) {
    return Optional.ofNullable(Nvml.load(CudaDriver.busAddress(ordinal)));
  }
}
