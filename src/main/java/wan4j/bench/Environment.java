package wan4j.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import wan4j.Device;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.CudaReport;

/// What measurements were made on and with.
///
/// @param device the GPU's or the processor's name
/// @param driver what the GPU's driver says of itself
/// @param libraries versions by name
/// @param commit of wan4j
/// @param date in UTC
public record Environment(
    String device, String driver, Map<String, String> libraries, String commit, String date) {
  /// Orders the libraries by name.
  public Environment {
    libraries = new TreeMap<>(libraries);
  }

  /// Looks at this machine; `commit` is null where the working folder's repository is asked.
  public static Environment ofThisMachine(Device device, String commit) {
    String known = commit == null ? commitOfRepository() : commit;
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    Map<String, String> libraries = new TreeMap<>();
    libraries.put("Java", Runtime.version().toString());
    if (device == Device.CPU) {
      String processor =
          "%s, %d processors"
              .formatted(System.getProperty("os.arch"), Runtime.getRuntime().availableProcessors());
      return new Environment(processor, "none", libraries, known, date);
    }
    String driver = "";
    for (CudaReport.Line line : CudaReport.ofThisMachine().lines()) {
      if (line.name().contains("driver")) {
        driver = line.version();
      } else if (line.isFine() && !line.version().isEmpty() && !line.place().isEmpty()) {
        libraries.put(line.name(), line.version());
      }
    }
    return new Environment(Cuda.device().name(), driver, libraries, known, date);
  }

  /// Returns the same on another day.
  Environment on(String day) {
    return new Environment(device, driver, libraries, commit, day);
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
