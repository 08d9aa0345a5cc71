package wan4j.onnx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import wan4j.tensor.InputException;

/// Where the jar of ONNX Runtime is: where Maven keeps what it fetches.
final class OnnxRuntimeJar {
  /// The version that is tested.
  static final String VERSION = "1.29.0";

  private static final String GPU = "onnxruntime_gpu";
  private static final String CPU = "onnxruntime";

  private OnnxRuntimeJar() {}

  /// Returns the newest jar, that for GPUs first unless only processors are wanted; throws
  /// `InputException`, which says how to get one, when there is none.
  static Path find(boolean isForProcessors) {
    return find(Path.of(System.getProperty("user.home"), ".m2", "repository"), isForProcessors);
  }

  /// Returns it from a folder in which Maven keeps what it fetches.
  static Path find(Path repository, boolean isForProcessors) {
    List<String> names = isForProcessors ? List.of(CPU, GPU) : List.of(GPU, CPU);
    return names.stream()
        .flatMap(name -> newest(repository.resolve("com/microsoft/onnxruntime"), name).stream())
        .findFirst()
        .orElseThrow(() ->
            new InputException(
                "finding people in pictures needs ONNX Runtime, which does not come with wan4j, as it would double its size; fetch it with mvn dependency:get -Dartifact=com.microsoft.onnxruntime:onnxruntime:%s, or name its jar with --onnxruntime"
                    .formatted(VERSION)));
  }

  private static Optional<Path> newest(Path group, String name) {
    Path folder = group.resolve(name);
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> versions = Files.list(folder)) {
      return versions
          .map(version -> version.resolve("%s-%s.jar".formatted(name, version.getFileName())))
          .filter(Files::isRegularFile)
          .max(Comparator.comparing(OnnxRuntimeJar::version));
    } catch (IOException e) {
      return Optional.empty(); // as if there were none: the sentence says what to do
    }
  }

  private static Runtime.Version version(Path jar) {
    String name = jar.getParent().getFileName().toString();
    try {
      return Runtime.Version.parse(name.replaceAll("(\\.0)+$", ""));
    } catch (IllegalArgumentException e) {
      return Runtime.Version.parse("1");
    }
  }
}
