package wan4j.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.weights.file.SafetensorsOutput;

/// A process that ends while a file and a folder are written, in the folder that it is told.
final class EndedProcess {
  private EndedProcess() {}

  /// Begins to write, and ends.
  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    PendingFile.write(folder.resolve("whole"), "whole");
    PendingFile file = PendingFile.file(folder.resolve("file"));
    Files.writeString(file.path(), "half");
    PendingFile inner = PendingFile.folder(folder.resolve("folder"));
    var entries = List.of(new SafetensorsOutput.Entry("t", DType.F32, Shape.of(1)));
    SafetensorsOutput output =
        SafetensorsOutput.create(inner.path().resolve("deeper/weights"), entries, Map.of());
    try (var files = Files.walk(folder)) {
      System.out.println(files.filter(Files::isRegularFile).count());
    }
    System.exit(output == null ? 1 : 0);
  }
}
