package wan4j.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Latents;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// Latents in a safetensors file, with a few words on the request that they belong to.
public final class LatentsFile {
  private static final String NAME = "latents";

  private LatentsFile() {}

  /// What a file of latents holds.
  public record Content(Latents latents, Map<String, String> description) {}

  /// Writes latents under a temporary name and renames the file; throws `InputException` when it
  /// cannot be written.
  public static void write(Path file, Latents latents, Map<String, String> description) {
    SafetensorsWriter.write(
        file, Map.of(NAME, TensorSource.of(NAME, latents.values())), description);
  }

  /// Writes the latents of a request's clips, as [#write] does for one.
  static void writeClips(Path file, List<Tensor> clips, Map<String, String> description) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    for (int i = 0; i < clips.size(); i++) {
      sources.put(name(i), TensorSource.of(name(i), clips.get(i)));
    }
    SafetensorsWriter.write(file, sources, description);
  }

  /// Reads the latents of all clips that a file holds; throws `InputException` when there are none.
  static List<Tensor> readClips(Path file) {
    List<Tensor> clips = new ArrayList<>(List.of(read(file).latents().values()));
    try (Weights weights = Weights.open(file)) {
      while (weights.has(name(clips.size()))) {
        clips.add(weights.tensor(name(clips.size())).load());
      }
    }
    return clips;
  }

  private static String name(int clip) {
    return clip == 0 ? NAME : NAME + "." + (clip + 1);
  }

  /// Reads latents; throws `InputException` when the file holds none.
  public static Content read(Path file) {
    try (Weights weights = Weights.open(file)) {
      if (weights.has(NAME)) {
        return new Content(new Latents(weights.tensor(NAME).load()), weights.metadata());
      }
    } catch (InputException e) {
      if (!Files.isReadable(file)) {
        throw e;
      }
      throw new InputException(
          "%s is not a complete file of latents; expected one of --save_latents or of an interrupted run: make it again"
              .formatted(file),
          e);
    }
    throw new InputException(
        "%s holds no latents; expected a file of --save_latents or of an interrupted run: give such a one"
            .formatted(file));
  }
}
