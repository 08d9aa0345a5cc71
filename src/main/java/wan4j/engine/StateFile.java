package wan4j.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.ops.SavedState;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// The state of a run in a safetensors file, each tensor under its name in the state, with a few
/// words on the request that it belongs to. The format has a version, which changes when what is
/// saved does.
public final class StateFile {
  private static final String FORMAT = "wan4j.state";
  private static final String VERSION = "1";

  private StateFile() {}

  /// What a file holds.
  ///
  /// @param state the state
  /// @param description words on its request
  public record Content(SavedState state, Map<String, String> description) {}

  /// Writes a state whole or not at all; throws `InputException` when the file cannot be written.
  public static void write(Path file, SavedState state, Map<String, String> description) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    state.tensors().forEach((name, tensor) -> sources.put(name, TensorSource.of(name, tensor)));
    Map<String, String> whole = new LinkedHashMap<>(description);
    whole.put(FORMAT, VERSION);
    SafetensorsWriter.write(file, sources, whole);
  }

  /// Loads a tensor beside the heap, which a cache of 720P does not fit.
  private static Tensor load(TensorSource source) {
    MemorySegment elements = Arena.ofAuto().allocate(Math.max(1, source.bytes()));
    source.read(0, elements.asSlice(0, source.bytes()));
    return new Tensor(source.shape(), source.dtype(), new HostStorage(elements));
  }

  /// Reads a state; throws `InputException` when the file holds none of this version.
  public static Content read(Path file) {
    try (Weights weights = Weights.open(file)) {
      Map<String, String> description = new LinkedHashMap<>(weights.metadata());
      String version = description.remove(FORMAT);
      if (!VERSION.equals(version)) {
        throw new InputException(
            "%s holds %s; expected the state of a run in version %s: begin the run anew"
                .formatted(
                    file, version == null ? "no state" : "a state in version " + version, VERSION));
      }
      SavedState state = new SavedState();
      weights.names().forEach(name -> state.put(name, load(weights.tensor(name))));
      return new Content(state, description);
    }
  }
}
