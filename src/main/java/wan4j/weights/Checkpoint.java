package wan4j.weights;

import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// A downloaded Wan2.2 checkpoint in either layout: its networks by their original names, its
/// sizes, its tokenizer.
public final class Checkpoint implements AutoCloseable {
  private static final long LARGEST_PIECES = 64 << 20;

  private final Path folder;
  private final CheckpointFiles files;
  private final Map<Expert, Weights> transformers = new TreeMap<>();
  private Weights vae;
  private Weights textEncoder;
  private Weights speech;
  private Weights vision;

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
            "the experts in %s have different sizes: %s of the %s and of the %s; put the two experts of one model there"
                .formatted(
                    folder,
                    common.difference(config),
                    experts().getFirst().description(),
                    expert.description()));
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

  /// Returns the tensors of the network that hears speech; throws `IllegalStateException` for a
  /// checkpoint of another kind.
  public synchronized Weights speech() {
    if (speech == null) {
      speech = Weights.open(speechFolder());
    }
    return speech;
  }

  /// Returns what the tensors of the network that hears speech do not tell of it.
  public Wav2Vec2Config speechConfig() {
    return Wav2Vec2Config.of(ConfigFile.read(speechFolder().resolve("config.json")));
  }

  private Path speechFolder() {
    if (files.speech() == null) {
      throw new IllegalStateException(folder + " has no speech network, it is one of " + kind());
    }
    return files.speech();
  }

  /// Returns the tensors of the image network that comes with animate-14B.
  public synchronized Weights vision() {
    if (vision == null) {
      vision = Weights.open(CheckpointFiles.vision(folder));
    }
    return vision;
  }

  /// Returns the relighting LoRA that comes with animate-14B; throws `InputException` when it is
  /// missing.
  public Path relightingLora() {
    Path file = CheckpointFiles.relightingLora(folder);
    if (!Files.exists(file)) {
      throw new InputException(
          "%s is missing, which replaced characters are lit by; download it again".formatted(file));
    }
    return file;
  }

  /// Returns the folder of the tokenizer's files, or the text encoder's file where that carries the
  /// tokenizer.
  public Path tokenizer() {
    return files.tokenizer();
  }

  /// Returns the SentencePiece model that the text encoder's file carries, or null where the
  /// tokenizer lies in a folder; throws `InputException` when it is none.
  public byte[] sentencePieces() {
    if (Files.isDirectory(tokenizer())) {
      return null;
    }
    TensorSource source = textEncoder().source(Weights.SENTENCE_PIECES);
    if (source.dtype().bytes() != 1 || source.bytes() > LARGEST_PIECES) {
      throw new InputException(
          "%s holds %s as %s %s; expected the bytes of a SentencePiece model: download it again"
              .formatted(tokenizer(), source.name(), source.dtype(), source.shape()));
    }
    byte[] bytes = new byte[(int) source.bytes()];
    source.read(0, MemorySegment.ofArray(bytes));
    return bytes;
  }

  /// Returns at which share of the noise the experts change, by the model_index.json of the
  /// Diffusers layout, or `usual` where it does not say or there is one expert alone.
  public double boundary(double usual) {
    if (experts().size() == 1) {
      return usual;
    }
    double value = number("model_index.json", "boundary_ratio", usual);
    if (value != usual && !(value > 0 && value < 1)) {
      throw new InputException(
          "%s gives boundary_ratio as %s; expected a number between 0 and 1: download it again"
              .formatted(folder.resolve("model_index.json"), value));
    }
    return value;
  }

  /// Returns the shift of the noise levels that the scheduler of the Diffusers layout names, or
  /// `usual` where it does not say.
  public double flowShift(double usual) {
    return number("scheduler/scheduler_config.json", "flow_shift", usual);
  }

  private double number(String file, String name, double usual) {
    Path path = folder.resolve(file);
    return layout() == Layout.DIFFUSERS && Files.exists(path)
        ? ConfigFile.read(path).decimal(name, usual)
        : usual;
  }

  /// Counts the tensors, parameters and bytes of every network without reading an element.
  public CheckpointSummary summary() {
    List<CheckpointSummary.Network> networks = new ArrayList<>();
    for (Expert expert : experts()) {
      networks.add(CheckpointSummary.network(expert.description(), transformer(expert)));
    }
    networks.add(CheckpointSummary.network("vae", vae()));
    networks.add(CheckpointSummary.network("text encoder", textEncoder()));
    if (files.speech() != null) {
      networks.add(CheckpointSummary.network("speech network", speech()));
    }
    if (kind() == CheckpointKind.ANIMATE) {
      networks.add(CheckpointSummary.network("image network", vision().at("visual")));
    }
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
    if (speech != null) {
      speech.close();
    }
    if (vision != null) {
      vision.close();
    }
  }
}
