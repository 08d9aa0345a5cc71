package wan4j.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import wan4j.files.PendingFile;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsOutput;
import wan4j.weights.file.SafetensorsOutput.Entry;

/// The safetensors files of one transformer under way: a single one where it is not too large, else
/// shards and their index, named as in the published checkpoints.
public final class NetworkOutput implements AutoCloseable {
  private static final String NAME = "diffusion_pytorch_model";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private final Path folder;
  private final Map<String, String> metadata;
  private final List<List<Entry>> shards = new ArrayList<>();
  private final Map<String, Integer> shardOf = new LinkedHashMap<>();
  private int current = -1;
  private SafetensorsOutput output;

  private NetworkOutput(Path folder, Map<String, String> metadata) {
    this.folder = folder;
    this.metadata = Map.copyOf(metadata);
  }

  /// Plans the files of a network in a folder that exists; each of the `units` stays in one file,
  /// and files end before they exceed `largest` bytes unless a single unit does.
  public static NetworkOutput create(
      Path folder, List<List<Entry>> units, long largest, Map<String, String> metadata) {
    NetworkOutput network = new NetworkOutput(folder, metadata);
    long filled = 0;
    for (List<Entry> unit : units) {
      long bytes = bytes(unit);
      if (network.shards.isEmpty() || filled + bytes > largest) {
        network.shards.add(new ArrayList<>());
        filled = 0;
      }
      filled += bytes;
      network.shards.getLast().addAll(unit);
      unit.forEach(entry -> network.shardOf.put(entry.name(), network.shards.size() - 1));
    }
    return network;
  }

  private static long bytes(List<Entry> entries) {
    return entries.stream().mapToLong(Entry::bytes).sum();
  }

  /// Returns the bytes of all tensors.
  public long bytes() {
    return shards.stream().mapToLong(NetworkOutput::bytes).sum();
  }

  /// Writes a tensor; units come in the order in which they were announced, their tensors in any.
  public void write(String name, TensorSource source) {
    int shard = shardOf.getOrDefault(name, -1);
    if (shard != current) {
      if (shard != current + 1) {
        throw new IllegalArgumentException(
            "got %s of file %d while file %d is written".formatted(name, shard, current));
      }
      finishFile();
      output = SafetensorsOutput.create(folder.resolve(file(shard)), shards.get(shard), metadata);
      current = shard;
    }
    output.write(name, source);
  }

  private String file(int shard) {
    return shards.size() == 1
        ? NAME + ".safetensors"
        : "%s-%05d-of-%05d.safetensors".formatted(NAME, shard + 1, shards.size());
  }

  private void finishFile() {
    if (output != null) {
      output.finish();
      output.close();
      output = null;
    }
  }

  /// Finishes the last file and writes the index of several.
  public void finish() {
    if (current != shards.size() - 1) {
      throw new IllegalStateException(
          "%d of %d files are written".formatted(current + 1, shards.size()));
    }
    finishFile();
    if (shards.size() == 1) {
      return;
    }
    Map<String, String> places = new LinkedHashMap<>();
    shardOf.forEach((name, shard) -> places.put(name, file(shard)));
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("metadata", Map.of("total_size", bytes()));
    index.put("weight_map", places);
    Path path = folder.resolve(NAME + ".safetensors.index.json");
    PendingFile.write(path, MAPPER.writeValueAsString(index));
  }

  /// Removes the file under way.
  @Override
  public void close() {
    if (output != null) {
      output.close();
    }
  }
}
