package wan4j.cuda.bind;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The driver's own version: of its kernel module where that can be read, else what NVML says.
final class DriverRelease {
  private static final Path MODULE = Path.of("/proc/driver/nvidia/version");
  private static final Pattern VERSION =
      Pattern.compile("^NVRM version:.*?\\s(\\d{3,}(?:\\.\\d+)+)\\s", Pattern.MULTILINE);

  private DriverRelease() {}

  /// For example 580.159.04, or null where there is no driver or it does not tell.
  static String ofThisMachine() {
    var release = of(MODULE);
    return release == null ? Nvml.driverVersion() : release;
  }

  /// The version in what the kernel module says of itself, or null.
  static String of(Path file) {
    try {
      Matcher matcher = VERSION.matcher(Files.readString(file));
      return matcher.find() ? matcher.group(1) : null;
    } catch (IOException e) {
      return null; // containers may hide it
    }
  }
}
