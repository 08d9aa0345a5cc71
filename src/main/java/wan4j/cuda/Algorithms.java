package wan4j.cuda;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.bind.Cudnn;
import wan4j.cuda.bind.CudnnConvolution;
import wan4j.cuda.bind.MatmulDescription;

/// The measured algorithms that serve one device: those that come with wan4j, and before them the
/// user's own. Work that is in neither takes the library's first algorithm, so that nothing ever
/// depends on the time that a run happened to take.
public final class Algorithms {
  private final String device;
  private final Map<String, Integer> libraries;
  private final Path file;
  private final Map<String, String> shipped;
  private final Map<String, String> own;

  private Algorithms(
      String device,
      Map<String, Integer> libraries,
      Path file,
      Map<String, String> shipped,
      Map<String, String> own) {
    this.device = device;
    this.libraries = libraries;
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
        Map.of(
            AlgorithmTable.PRODUCTS,
            CublasLt.version(),
            AlgorithmTable.CONVOLUTIONS,
            Cudnn.version()),
        AlgorithmTable.ofJar(),
        AlgorithmTable.userFile());
  }

  static Algorithms of(
      String device, Map<String, Integer> libraries, List<AlgorithmTable> shipped, Path file) {
    return new Algorithms(
        device,
        libraries,
        file,
        chosen(shipped, device, libraries),
        chosen(AlgorithmTable.ofFile(file), device, libraries));
  }

  private static Map<String, String> chosen(
      List<AlgorithmTable> tables, String device, Map<String, Integer> libraries) {
    Map<String, String> chosen = new HashMap<>();
    libraries.forEach((library, version) -> {
      for (AlgorithmTable table : tables) {
        if (table.serves(device, library, version)) {
          table
              .choices()
              .forEach(choice -> chosen.put(library + choice.work(), choice.algorithm()));
        }
      }
    });
    return chosen;
  }

  /// Returns the algorithm that was measured to be faster than the library's first, or null.
  String algorithm(MatmulDescription product) {
    return algorithm(AlgorithmTable.PRODUCTS + product.key());
  }

  /// Returns the algorithm that was measured to be faster than the library's first, or null.
  String algorithm(CudnnConvolution.Shape convolution) {
    return algorithm(AlgorithmTable.CONVOLUTIONS + convolution.key());
  }

  private String algorithm(String key) {
    return own.getOrDefault(key, shipped.get(key));
  }

  /// Returns which tables are in use, as a sentence.
  public String summary() {
    String where =
        "%s with cuBLASLt %d and cuDNN %d"
            .formatted(
                device,
                libraries.get(AlgorithmTable.PRODUCTS),
                libraries.get(AlgorithmTable.CONVOLUTIONS));
    if (shipped.isEmpty() && own.isEmpty()) {
      return "none was measured for %s: each product and convolution takes the library's first; ./wan4j tune measures them"
          .formatted(where);
    }
    String ours = "%d of wan4j's for %s".formatted(shipped.size(), where);
    return own.isEmpty() ? ours : "%d of %s, before %s".formatted(own.size(), file, ours);
  }
}
