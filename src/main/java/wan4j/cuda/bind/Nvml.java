package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandle;

/// NVML, which comes with the driver: the driver's own version is asked of it, and how busy a GPU
/// is.
final class Nvml {
  private static final NativeLibrary LIBRARY = NativeLibraries.NVML;
  private static final int LONGEST = 96; // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE is 80

  private static final MethodHandle START = LIBRARY.function("nvmlInit_v2", JAVA_INT);
  private static final MethodHandle STOP = LIBRARY.function("nvmlShutdown", JAVA_INT);
  private static final MethodHandle VERSION =
      LIBRARY.function("nvmlSystemGetDriverVersion", JAVA_INT, ADDRESS, JAVA_INT);

  private static final MethodHandle DEVICE =
      LIBRARY.function("nvmlDeviceGetHandleByPciBusId_v2", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle CLOCK =
      LIBRARY.function("nvmlDeviceGetClockInfo", JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
  private static final MethodHandle POWER =
      LIBRARY.function("nvmlDeviceGetPowerUsage", JAVA_INT, ADDRESS, ADDRESS);
  private static final int CLOCK_SM = 1;

  private Nvml() {}

  /// The load of the GPU at this address of the bus, or null where NVML is missing or does not
  /// answer.
  static DeviceLoad load(String busAddress) {
    if (!LIBRARY.isLoaded() || NativeLibrary.status(() -> (int) START.invokeExact()) != 0) {
      return null;
    }
    try (var arena = Arena.ofConfined()) {
      var address = arena.allocateFrom(busAddress);
      var device = arena.allocate(ADDRESS);
      if (NativeLibrary.status(() -> (int) DEVICE.invokeExact(address, device)) != 0) {
        return null;
      }
      var handle = device.get(ADDRESS, 0);
      var clock = arena.allocate(JAVA_INT);
      var power = arena.allocate(JAVA_INT);
      boolean isTold =
          NativeLibrary.status(() -> (int) CLOCK.invokeExact(handle, CLOCK_SM, clock)) == 0
              && NativeLibrary.status(() -> (int) POWER.invokeExact(handle, power)) == 0;
      return isTold
          ? new DeviceLoad(clock.get(JAVA_INT, 0), power.get(JAVA_INT, 0) / 1000.0)
          : null;
    } finally {
      NativeLibrary.status(() -> (int) STOP.invokeExact());
    }
  }

  /// The driver's version, such as 580.159.04, or null where NVML is missing or does not answer.
  static String driverVersion() {
    if (!LIBRARY.isLoaded() || NativeLibrary.status(() -> (int) START.invokeExact()) != 0) {
      return null;
    }
    try (var arena = Arena.ofConfined()) {
      var text = arena.allocate(LONGEST);
      var code = NativeLibrary.status(() -> (int) VERSION.invokeExact(text, LONGEST));
      return code == 0 ? text.getString(0) : null;
    } finally {
      NativeLibrary.status(() -> (int) STOP.invokeExact());
    }
  }
}
