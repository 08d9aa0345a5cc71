package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandle;

/// NVML, which comes with the driver: nothing but the driver's own version is asked of it.
final class Nvml {
  private static final NativeLibrary LIBRARY = NativeLibraries.NVML;
  private static final int LONGEST = 96; // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE is 80

  private static final MethodHandle START = LIBRARY.function("nvmlInit_v2", JAVA_INT);
  private static final MethodHandle STOP = LIBRARY.function("nvmlShutdown", JAVA_INT);
  private static final MethodHandle VERSION =
      LIBRARY.function("nvmlSystemGetDriverVersion", JAVA_INT, ADDRESS, JAVA_INT);

  private Nvml() {}

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
