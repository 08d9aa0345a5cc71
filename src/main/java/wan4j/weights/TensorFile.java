package wan4j.weights;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// One open file of named tensors, safetensors or PyTorch; its sources read from it until it is
/// closed.
public final class TensorFile implements AutoCloseable {
  private final PositionedFile file;
  private final Map<String, TensorSource> tensors;
  private final Map<String, String> metadata;

  TensorFile(PositionedFile file, Map<String, TensorSource> tensors, Map<String, String> metadata) {
    this.file = file;
    this.tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    this.metadata = Map.copyOf(metadata);
  }

  /// Opens a file and checks its whole table of contents, recognising the format by its first
  /// bytes; throws `InputException` when it is missing, damaged, hostile or in another format.
  public static TensorFile open(Path path) {
    PositionedFile file = PositionedFile.open(path);
    try {
      if (file.size() == 0) {
        throw new InputException(path + " is empty; download it again");
      }
      return SafetensorsReader.read(file);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /// Returns where the file lies.
  public Path path() {
    return file.path();
  }

  /// Returns the tensors by their names in the file.
  public Map<String, TensorSource> tensors() {
    return tensors;
  }

  /// Returns the text that the file carries beside its tensors; empty for PyTorch files.
  public Map<String, String> metadata() {
    return metadata;
  }

  /// Closes the file; its sources can no longer be read.
  @Override
  public void close() {
    file.close();
  }
}
