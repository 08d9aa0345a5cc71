package wan4j.cli;

import wan4j.Device;
import wan4j.Ranks;
import wan4j.tensor.InputException;

/// A device as it is named on the command line.
///
/// @param device where networks run
/// @param gpu which GPU, from 0 among those that the driver shows, or [Ranks#ANY_GPU]
record DeviceName(Device device, int gpu) {
  private static final String NUMBERED = "cuda:";

  /// Returns the device of `cpu`, `cuda` or `cuda:N`; throws `InputException` for other names.
  static DeviceName of(String name) {
    if (!name.startsWith(NUMBERED)) {
      return new DeviceName(Device.of(name), Ranks.ANY_GPU);
    }
    String number = name.substring(NUMBERED.length());
    if (!number.matches("[0-9]{1,4}")) {
      throw new InputException(
          "device got \"%s\"; give cuda:0, cuda:1 and so on, cuda, or cpu".formatted(name));
    }
    return new DeviceName(Device.CUDA, Integer.parseInt(number));
  }

  /// Returns the device where none was named, of what the machine has answered already: `absence`
  /// tells why it has no GPU, or is null.
  static DeviceName preferred(String absence) {
    return new DeviceName(absence == null ? Device.CUDA : Device.CPU, Ranks.ANY_GPU);
  }
}
