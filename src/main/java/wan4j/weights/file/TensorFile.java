package wan4j.weights.file;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// One open file of named tensors, safetensors or PyTorch; its sources read from it until it is
/// closed.
public final class TensorFile implements AutoCloseable {
  private static final int LONGEST_NAME = 1000;

  private final PositionedFile file;
  private final Map<String, TensorSource> tensors;
  private final Map<String, String> metadata;
  private final Map<String, String> unread;

  TensorFile(
      PositionedFile file,
      Map<String, TensorSource> tensors,
      Map<String, String> metadata,
      Map<String, String> unread) {
    this.file = file;
    this.unread = Collections.unmodifiableMap(new LinkedHashMap<>(unread));
    this.tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    this.metadata = Map.copyOf(metadata);
  }

  /// Opens a file and checks its whole table of contents, recognising the format by its first
  /// bytes; throws `InputException` when it is missing, damaged, hostile or in another format.
  public static TensorFile open(Path path) {
    PositionedFile file = PositionedFile.open(path);
    try {
      return read(file);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static TensorFile read(PositionedFile file) {
    byte[] first = file.read(0, (int) Math.min(9, file.size()));
    String start = new String(first, StandardCharsets.ISO_8859_1);
    if (start.isEmpty()) {
      throw new InputException(file.path() + " is empty; download it again");
    }
    if (start.startsWith("PK\u0003\u0004")) {
      return TorchReader.read(file);
    }
    // a header of less than 4 GB, then its opening brace, perhaps after blanks
    boolean isSafetensors =
        start.length() == 9
            && start.startsWith("\0\0\0\0", 4)
            && "{ \t\r\n".indexOf(start.charAt(8)) >= 0;
    String other = isSafetensors ? null : otherFormat(start);
    if (other != null) {
      throw new InputException(file.path() + " is " + other);
    }
    return SafetensorsReader.read(file);
  }

  /// Refuses a name that is much longer than any network has, so that work on names stays small.
  static void requireName(Path path, String name) {
    if (name.length() > LONGEST_NAME) {
      throw new InputException(
          "%s holds the name %s of %d characters; expected at most %d: get the file from a source you trust"
              .formatted(path, Quoted.of(name), name.length(), LONGEST_NAME));
    }
  }

  /// Returns what else a file is by its first bytes, and the cure, or null.
  private static String otherFormat(String start) {
    if (start.startsWith("version ")) {
      return "a placeholder of Git LFS, not the file itself; run git lfs pull in its folder";
    }
    if (start.startsWith("GGUF")) {
      return "a GGUF file, which wan4j does not read; expected safetensors or PyTorch in bf16 or"
          + " FP8: download that version";
    }
    if (start.startsWith("\u0080")) {
      return "a bare pickle or a PyTorch file of the old format; save it again with PyTorch 1.6 or"
          + " later";
    }
    if (start.startsWith("<")) {
      return "a web page, not a file of weights; download it again";
    }
    // as a size these bytes would be more than any file's
    return start.chars().allMatch(letter -> letter >= ' ' && letter < 0x7F)
        ? "a short text and no file of weights, as a copy leaves of a link; copy the file itself"
        : null;
  }

  /// Returns where the file lies.
  public Path path() {
    return file.path();
  }

  /// Returns the tensors by their names in the file.
  public Map<String, TensorSource> tensors() {
    return tensors;
  }

  /// Returns the names of tensors whose type is not read, with that type's name.
  public Map<String, String> unread() {
    return unread;
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
