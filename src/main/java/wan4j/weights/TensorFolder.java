package wan4j.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.TensorFile;

/// Finds the files of one network in a folder: an index with its shards, or a single file.
final class TensorFolder {
  private static final List<String> INDEXES = List.of(".safetensors.index.json", ".bin.index.json");
  private static final List<String> SINGLES = List.of(".safetensors", ".bin", ".pth");

  private static final Pattern WEIGHTS =
      Pattern.compile(".+\\.(safetensors|bin|pth|pt|ckpt|gguf)", Pattern.CASE_INSENSITIVE);
  // the autoencoder and the text encoder by the names of the downloads and of ComfyUI's
  private static final Pattern OTHER_NETWORK =
      Pattern.compile("vae|t5|lora|clip", Pattern.CASE_INSENSITIVE);

  private TensorFolder() {}

  static Weights open(Path fileOrFolder) {
    if (!Files.isDirectory(fileOrFolder)) {
      return whole(fileOrFolder, TensorFile.open(fileOrFolder), List.of());
    }
    Path entry = entry(fileOrFolder);
    if (entry == null) {
      throw new InputException(
          other(fileOrFolder)
              .map(gguf ->
                  "%s is a GGUF file, which wan4j does not read; expected safetensors or PyTorch in bf16 or FP8: download that version"
                      .formatted(gguf))
              .orElse(
                  fileOrFolder
                      + " holds no weights; expected one .safetensors file or an .index.json with"
                      + " its shards: download it again"));
    }
    return entry.toString().endsWith(".index.json")
        ? sharded(fileOrFolder, entry)
        : whole(fileOrFolder, TensorFile.open(entry), surplus(fileOrFolder, Set.of(entry)));
  }

  private static Optional<Path> other(Path folder) {
    return files(folder).stream()
        .filter(file -> file.toString().toLowerCase(Locale.ROOT).endsWith(".gguf"))
        .findFirst();
  }

  /// Returns the files of weights in a folder that are not used, apart from those of the networks
  /// that may lie beside a transformer.
  private static List<Path> surplus(Path folder, Set<Path> used) {
    return files(folder).stream()
        .filter(file ->
            !used.contains(file)
                && WEIGHTS.matcher(file.getFileName().toString()).matches()
                && !OTHER_NETWORK.matcher(file.getFileName().toString()).find())
        .toList();
  }

  /// Returns the index or the single file of a folder, or null when it has neither; throws
  /// `InputException` when there are several to choose from.
  static Path entry(Path folder) {
    List<Path> files = files(folder);
    for (String suffix : Stream.concat(INDEXES.stream(), SINGLES.stream()).toList()) {
      List<Path> found = files.stream().filter(f -> f.toString().endsWith(suffix)).toList();
      // beside the transformer of a one-folder checkpoint its VAE and text encoder may lie
      List<Path> own =
          found.stream()
              .filter(f -> !OTHER_NETWORK.matcher(f.getFileName().toString()).find())
              .toList();
      List<Path> candidates = own.isEmpty() ? found : own;
      List<Path> usual =
          candidates.stream()
              .filter(f -> f.getFileName().toString().startsWith("diffusion_pytorch_model"))
              .toList();
      if (candidates.size() == 1 || usual.size() == 1) {
        return (usual.size() == 1 ? usual : candidates).getFirst();
      }
      if (candidates.size() > 1) {
        boolean isSharded =
            candidates.stream().anyMatch(f -> f.toString().matches(".*-\\d+-of-\\d+\\.\\w+"));
        throw new InputException(
            isSharded
                ? folder
                    + " holds shards but no index; expected the file ending in .index.json:"
                    + " download it again"
                : "%s holds %d files ending in %s, %s and %s among them; expected one: keep one or name it itself"
                    .formatted(
                        folder,
                        candidates.size(),
                        suffix,
                        Quoted.of(candidates.get(0).getFileName().toString()),
                        Quoted.of(candidates.get(1).getFileName().toString())));
      }
    }
    return null;
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(f -> !f.getFileName().toString().startsWith(".")).sorted().toList();
    } catch (IOException e) {
      throw new InputException(folder + " cannot be listed; check its permissions", e);
    }
  }

  private static Weights whole(Path title, TensorFile file, List<Path> surplus) {
    Weights.Notes notes = new Weights.Notes(file.metadata(), file.unread(), Set.of(), surplus);
    return new Weights(title.toString(), file.tensors(), notes, List.of(file));
  }

  private static Weights sharded(Path folder, Path index) {
    JsonNode map = Json.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new InputException(
          index
              + " has no weight_map; expected a table of tensor names and files: download it"
              + " again");
    }
    Map<String, TensorFile> shards = new HashMap<>();
    try {
      Map<String, TensorSource> tensors = new LinkedHashMap<>();
      Map<String, String> metadata = new HashMap<>();
      Map<String, String> unread = new HashMap<>();
      for (Map.Entry<String, JsonNode> line : map.properties()) {
        String shardName = line.getValue().asString("");
        TensorFile shard = shards.get(shardName);
        if (shard == null) {
          shard = TensorFile.open(shardPath(folder, index, shardName));
          shards.put(shardName, shard);
          metadata.putAll(shard.metadata());
          unread.putAll(shard.unread());
        }
        if (shard.unread().containsKey(line.getKey())) {
          continue;
        }
        TensorSource source = shard.tensors().get(line.getKey());
        if (source == null) {
          throw new InputException(
              "%s does not hold %s, which %s promises; the files do not belong together: download them again"
                  .formatted(shard.path(), Quoted.of(line.getKey()), index.getFileName()));
        }
        tensors.put(line.getKey(), source);
      }
      checkNothingElse(index, shards, tensors);
      Set<Path> used = new HashSet<>(Set.of(index));
      shards.values().forEach(shard -> used.add(shard.path()));
      Weights.Notes notes = new Weights.Notes(metadata, unread, Set.of(), surplus(folder, used));
      return new Weights(folder.toString(), tensors, notes, new ArrayList<>(shards.values()));
    } catch (RuntimeException | Error e) {
      shards.values().forEach(TensorFile::close);
      throw e;
    }
  }

  private static Path shardPath(Path folder, Path index, String name) {
    boolean isPlain =
        !name.isEmpty()
            && name.indexOf('/') < 0
            && name.indexOf('\\') < 0
            && name.indexOf('\0') < 0
            && !name.equals("..");
    if (!isPlain) {
      throw new InputException(
          "%s names the shard %s; expected a plain file name in the same folder: download it again"
              .formatted(index, Quoted.of(name)));
    }
    return folder.resolve(name);
  }

  private static void checkNothingElse(
      Path index, Map<String, TensorFile> shards, Map<String, TensorSource> tensors) {
    for (TensorFile shard : shards.values()) {
      for (Map.Entry<String, TensorSource> tensor : shard.tensors().entrySet()) {
        if (!tensor.getValue().equals(tensors.get(tensor.getKey()))) {
          throw new InputException(
              "%s holds %s, which %s does not place there; the files do not belong together: download them again"
                  .formatted(shard.path(), Quoted.of(tensor.getKey()), index.getFileName()));
        }
      }
    }
  }
}
