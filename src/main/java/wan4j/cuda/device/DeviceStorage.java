package wan4j.cuda.device;

import java.util.Objects;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// A range of device memory.
public record DeviceStorage(long address, long bytes) implements Storage {
  @Override
  public DeviceStorage slice(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    return new DeviceStorage(address + offset, length);
  }

  /// Returns the device address of a tensor's first element; throws `IllegalArgumentException` when
  /// the tensor is not on the device.
  public static long address(Tensor tensor) {
    if (tensor.storage() instanceof DeviceStorage storage) {
      return storage.address();
    }
    if (tensor.storage() instanceof BlockScales scales) {
      return scales.memory().address();
    }
    throw new IllegalArgumentException(
        "got " + tensor + ", expected a tensor of the CUDA backend; upload it first");
  }
}
