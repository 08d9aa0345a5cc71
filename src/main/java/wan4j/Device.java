package wan4j;

import wan4j.cuda.bind.Cuda;
import wan4j.tensor.InputException;

/// Where networks run.
public enum Device {
  /// The processors of this machine, in float32.
  CPU("cpu"),
  /// An NVIDIA Hopper GPU.
  CUDA("cuda");

  private final String spelling;

  Device(String spelling) {
    this.spelling = spelling;
  }

  /// Returns the name on the command line.
  public String spelling() {
    return spelling;
  }

  /// Returns the GPU where this machine has one that can be used, else the processors.
  public static Device preferred() {
    return Cuda.isPresent() ? CUDA : CPU;
  }

  /// Returns why this machine has no GPU that can be used, in one sentence with the cure, or null
  /// where it has.
  public static String absence() {
    return Cuda.absence();
  }

  /// Returns the device of a name; throws `InputException` for others.
  public static Device of(String name) {
    for (Device device : values()) {
      if (device.spelling.equals(name)) {
        return device;
      }
    }
    throw new InputException("device got \"%s\"; give cpu or cuda".formatted(name));
  }
}
