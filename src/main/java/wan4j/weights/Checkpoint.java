package wan4j.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import wan4j.tensor.InputException;

/// A downloaded Wan2.2 checkpoint in either layout: its networks by their original names, its
/// sizes, its tokenizer.
public final class Checkpoint implements AutoCloseable {
  private final Path folder;
  private final CheckpointFiles files;
  private final Map<Expert, Weights> transformers = new TreeMap<>();
  private Weights vae;
  private Weights textEncoder;

  private Checkpoint(Path folder, CheckpointFiles files) {
    this.folder = folder;
    this.files = files;
  }

  /// Looks at a folder and finds all its parts; throws `InputException` when it is no complete
  /// Wan2.2 checkpoint.
  public static Checkpoint open(Path folder) {
    return new Checkpoint(folder, CheckpointFiles.find(folder));
  }

  /// Returns the folder of the checkpoint.
  public Path folder() {
    return folder;
  }

  /// Returns how its folders are arranged.
  public Layout layout() {
    return files.layout();
  }

  /// Returns which model it is.
  public CheckpointKind kind() {
    return files.kind();
  }

  /// Throws `InputException` when the checkpoint is one of another task.
  public void requireKind(CheckpointKind expected) {
    if (kind() != expected) {
      throw new InputException(
          "%s is a checkpoint of %s; expected one of %s: give another folder, or --task %s"
              .formatted(folder, kind().task(), expected.task(), kind().task()));
    }
  }

  /// Returns the transformers, in the order in which the steps use them.
  public List<Expert> experts() {
    return List.copyOf(files.transformers().keySet());
  }

  /// Returns the folder of a transformer; throws `IllegalArgumentException` when the checkpoint has
  /// no such expert.
  public Path folder(Expert expert) {
    Path path = files.transformers().get(expert);
    if (path == null) {
      throw new IllegalArgumentException(folder + " has no " + expert + ", it has " + experts());
    }
    return path;
  }

  /// Returns a transformer's tensors under original names; throws `IllegalArgumentException` when
  /// the checkpoint has no such expert and `InputException` when its files are damaged.
  public synchronized Weights transformer(Expert expert) {
    Path path = folder(expert);
    return transformers.computeIfAbsent(expert, e -> Weights.open(path, Naming.TRANSFORMER));
  }

  /// Returns the sizes of the transformers, which all experts share; throws `InputException` when
  /// they differ.
  public TransformerConfig config() {
    TransformerConfig common = null;
    for (Expert expert : experts()) {
      TransformerConfig config = TransformerConfig.read(folder(expert), transformer(expert));
      if (common != null && !common.equals(config)) {
        throw new InputException(
            "the experts in %s have different sizes, %s and %s; download it again"
                .formatted(folder, common, config));
      }
      common = config;
    }
    return common;
  }

  /// Returns the VAE's tensors under original names.
  public synchronized Weights vae() {
    if (vae == null) {
      vae = openVae(files.vae());
    }
    return vae;
  }

  /// Says whether the VAE is that of Wan2.2, with 48 latent channels, and not that of Wan2.1, with
  /// 16.
  public boolean hasVae22() {
    return isVae22(vae());
  }

  /// Returns the text encoder's tensors under original names.
  public synchronized Weights textEncoder() {
    if (textEncoder == null) {
      textEncoder = Weights.open(files.textEncoder(), Naming.TEXT_ENCODER);
    }
    return textEncoder;
  }

  /// Returns the folder of the tokenizer's files.
  public Path tokenizer() {
    return files.tokenizer();
  }

  /// Counts the tensors, parameters and bytes of every network without reading an element.
  public CheckpointSummary summary() {
    List<CheckpointSummary.Network> networks = new ArrayList<>();
    for (Expert expert : experts()) {
      networks.add(CheckpointSummary.network(expert.description(), transformer(expert)));
    }
    networks.add(CheckpointSummary.network("vae", vae()));
    networks.add(CheckpointSummary.network("text encoder", textEncoder()));
    return new CheckpointSummary(folder, layout(), kind(), List.copyOf(networks));
  }

  /// Opens a VAE file or folder of either generation and layout, under original names.
  public static Weights openVae(Path fileOrFolder) {
    Weights weights = Weights.open(fileOrFolder);
    try {
      return weights.renamed(isVae22(weights) ? Naming.VAE_22 : Naming.VAE_21);
    } catch (RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  /// Says whether a VAE, under the names of either layout, is that of Wan2.2.
  public static boolean isVae22(Weights vae) {
    return !vae.at("encoder.downsamples.0.downsamples").names().isEmpty()
        || !vae.at("encoder.down_blocks.0.resnets").names().isEmpty();
  }

  /// Closes all files; sources taken from here can no longer be read.
  @Override
  public synchronized void close() {
    transformers.values().forEach(Weights::close);
    if (vae != null) {
      vae.close();
    }
    if (textEncoder != null) {
      textEncoder.close();
    }
  }
}
