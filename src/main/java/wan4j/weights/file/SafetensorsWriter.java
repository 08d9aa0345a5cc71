package wan4j.weights.file;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import wan4j.tensor.TensorSource;

/// Writes named tensors as one safetensors file, under a temporary name that becomes the real one
/// when it is complete.
public final class SafetensorsWriter {
  private SafetensorsWriter() {}

  /// Writes the tensors, streaming them piece by piece, and the metadata, and replaces the target
  /// at the end; throws `InputException` when the folder cannot be written or the disk is full, and
  /// then leaves nothing behind.
  public static void write(
      Path target, Map<String, ? extends TensorSource> tensors, Map<String, String> metadata) {
    List<SafetensorsOutput.Entry> entries =
        tensors.entrySet().stream()
            .map(tensor ->
                new SafetensorsOutput.Entry(
                    tensor.getKey(), tensor.getValue().dtype(), tensor.getValue().shape()))
            .toList();
    try (SafetensorsOutput output = SafetensorsOutput.create(target, entries, metadata)) {
      tensors.forEach(output::write);
      output.finish();
    }
  }
}
