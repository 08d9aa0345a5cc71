package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;

/// Asks the driver's library for the newest CUDA generation that it serves.
final class DriverVersion {
  private DriverVersion() {}

  /// For example 13000 for CUDA 13.0; 0 where the driver does not answer.
  static int of(NativeLibrary driver) {
    var handle = driver.function("cuDriverGetVersion", JAVA_INT, ADDRESS);
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT);
      var code = NativeLibrary.status(() -> (int) handle.invokeExact(out));
      return code == 0 ? out.get(JAVA_INT, 0) : 0;
    }
  }
}
