package wan4j.cuda;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.MatmulDescription;

/// The measured algorithms that serve one device: those that come with wan4j, and before them the
/// user's own. A product that is in neither takes the library's first algorithm, so that nothing
/// ever depends on the time that a run happened to take.
public final class Algorithms {
  private final String device;
  private final int library;
  private final Path file;
  private final Map<String, String> shipped;
  private final Map<String, String> own;

  private Algorithms(
      String device, int library, Path file, Map<String, String> shipped, Map<String, String> own) {
    this.device = device;
    this.library = library;
    this.file = file;
    this.shipped = shipped;
    this.own = own;
  }

  /// Returns the algorithms for the GPU of this ordinal, the user's own included; throws
  /// `InputException` when the user's file is damaged.
  public static Algorithms of(int ordinal) {
    CudaDriver.initialize();
    return of(
        CudaDriver.device(ordinal).name(),
        CublasLt.version(),
        AlgorithmTable.ofJar(),
        AlgorithmTable.userFile());
  }

  static Algorithms of(String device, int library, List<AlgorithmTable> shipped, Path file) {
    return new Algorithms(
        device,
        library,
        file,
        chosen(shipped, device, library),
        chosen(AlgorithmTable.ofFile(file), device, library));
  }

  private static Map<String, String> chosen(
      List<AlgorithmTable> tables, String device, int library) {
    Map<String, String> chosen = new HashMap<>();
    for (AlgorithmTable table : tables) {
      if (table.serves(device, library)) {
        table.choices().forEach(choice -> chosen.put(choice.product(), choice.algorithm()));
      }
    }
    return chosen;
  }

  /// Returns the algorithm that was measured to be faster than the library's first, or null.
  String algorithm(MatmulDescription product) {
    String key = product.key();
    return own.getOrDefault(key, shipped.get(key));
  }

  /// Returns which tables are in use, as a sentence.
  public String summary() {
    if (shipped.isEmpty() && own.isEmpty()) {
      return "none was measured for %s with cuBLASLt %d: each product takes the library's first; ./wan4j tune measures them"
          .formatted(device, library);
    }
    String ours =
        "%d of wan4j's for %s with cuBLASLt %d".formatted(shipped.size(), device, library);
    return own.isEmpty() ? ours : "%d of %s, before %s".formatted(own.size(), file, ours);
  }
}
