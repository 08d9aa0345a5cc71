package wan4j.bench.measure;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import wan4j.Device;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.CudaReport;
import wan4j.engine.Backends;

/// The machine, libraries and commit of measurements.
///
/// @param device the GPU's or the processor's name
/// @param driver the version of the GPU's driver, or what it says of itself where that is hidden
/// @param cuda the newest CUDA that the driver serves; empty where none or unknown
/// @param libraries versions by name
/// @param commit of wan4j
/// @param date in UTC
public record Environment(
    String device,
    String driver,
    String cuda,
    Map<String, String> libraries,
    String commit,
    String date) {
  /// Orders the libraries by name.
  public Environment {
    libraries = new TreeMap<>(libraries);
  }

  /// Describes this machine; `commit` is null where the working folder's repository is asked.
  /// Throws `InputException` when the device cannot be used.
  public static Environment ofThisMachine(Device device, String commit) {
    String known = commit(commit);
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    Map<String, String> libraries = new TreeMap<>();
    libraries.put("Java", Runtime.version().toString());
    if (device == Device.CPU) {
      String processor =
          "%s, %d processors"
              .formatted(System.getProperty("os.arch"), Runtime.getRuntime().availableProcessors());
      return new Environment(processor, "none", "", libraries, known, date);
    }
    Backends.requireGpu();
    for (CudaReport.Line line : CudaReport.ofThisMachine().lines()) {
      boolean isDriver = line.name().contains("driver"); // told apart
      if (!isDriver && line.isFine() && !line.version().isEmpty() && !line.place().isEmpty()) {
        libraries.put(line.name(), line.version());
      }
    }
    String served = CudaDriver.served();
    String release = CudaDriver.release();
    String driver = release == null ? "serves CUDA " + served : release;
    return new Environment(Cuda.device().name(), driver, served, libraries, known, date);
  }

  /// Returns the same on another day.
  public Environment on(String day) {
    return new Environment(device, driver, cuda, libraries, commit, day);
  }

  /// Returns a commit that is known, or, for null, that of the working folder's repository.
  public static String commit(String known) {
    return known == null ? commitOfRepository() : known;
  }

  private static String commitOfRepository() {
    try {
      Process git = new ProcessBuilder("git", "rev-parse", "--short", "HEAD").start();
      String text = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return git.waitFor() == 0 && !text.isEmpty() ? text : "unknown";
    } catch (IOException e) {
      return "unknown"; // a machine without git
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "unknown";
    }
  }
}
