package wan4j.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import wan4j.files.Json;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;

/// The sizes of a transformer, from config.json in either layout's words and, where that is silent,
/// from the shapes of its tensors.
///
/// @param modelType what it makes video from: t2v, i2v, ti2v, s2v or animate
/// @param inChannels latent channels of its input, conditioning included
/// @param outChannels latent channels of its output
/// @param dim width of a token
/// @param feedForwardDim inner width of the feed-forward layers
/// @param frequencyDim width of the timestep's sinusoid
/// @param textDim width of a text state
/// @param textLength number of text states, padding included
/// @param heads attention heads
/// @param layers blocks
/// @param patchFrames latent frames in a token
/// @param patchHeight latent rows in a token
/// @param patchWidth latent columns in a token
/// @param epsilon what norms add before the square root
/// @param speech what a transformer of speech to video has beside; null for others
public record TransformerConfig(
    String modelType,
    int inChannels,
    int outChannels,
    int dim,
    int feedForwardDim,
    int frequencyDim,
    int textDim,
    int textLength,
    int heads,
    int layers,
    int patchFrames,
    int patchHeight,
    int patchWidth,
    double epsilon,
    SpeechConfig speech) {
  private static final int USUAL_HEAD = 128;

  /// Checks what the network's arithmetic needs: whole even heads, an even sinusoid.
  public TransformerConfig {
    if (heads < 1 || dim % heads != 0 || dim / heads % 2 != 0) {
      throw new InputException(
          "the config gives a width of %d and %d heads; expected an even number of channels for each head: download the checkpoint again"
              .formatted(dim, heads));
    }
    if (frequencyDim % 2 != 0) {
      throw new InputException(
          "the config gives freq_dim %d; expected an even number: download the checkpoint again"
              .formatted(frequencyDim));
    }
  }

  /// Creates the config of a transformer of text, image or text+image to video.
  public TransformerConfig(
      String modelType,
      int inChannels,
      int outChannels,
      int dim,
      int feedForwardDim,
      int frequencyDim,
      int textDim,
      int textLength,
      int heads,
      int layers,
      int patchFrames,
      int patchHeight,
      int patchWidth,
      double epsilon) {
    this(
        modelType,
        inChannels,
        outChannels,
        dim,
        feedForwardDim,
        frequencyDim,
        textDim,
        textLength,
        heads,
        layers,
        patchFrames,
        patchHeight,
        patchWidth,
        epsilon,
        null);
  }

  /// Reads config.json in a transformer's folder, where there is one, and compares it with the
  /// shapes of its tensors, which have original names; throws `InputException` when they disagree.
  public static TransformerConfig read(Path folder, Weights weights) {
    Path file = folder.resolve("config.json");
    return of(
        Files.exists(file) ? ConfigFile.read(file) : ConfigFile.of(file, Json.empty()), weights);
  }

  /// Compares a config with the shapes of the transformer's tensors, which have original names;
  /// throws `InputException` when they disagree.
  public static TransformerConfig of(ConfigFile config, Weights weights) {
    Shape patch = weights.shape("patch_embedding.weight", 5);
    Shape text = weights.shape("text_embedding.0.weight", 2);
    Shape time = weights.shape("time_embedding.0.weight", 2);
    Shape feedForward = weights.shape("blocks.0.ffn.0.weight", 2);
    int volume = Math.toIntExact(patch.size(2) * patch.size(3) * patch.size(4));
    int outputs = weights.shape("head.head.weight", 2).length(0);
    if (volume == 0 || outputs % volume != 0) {
      throw new InputException(
          "%s has a head of %d outputs for patches of %d latent pixels; expected a multiple: download it again"
              .formatted(weights, outputs, volume));
    }
    Reader reader = new Reader(config, weights);
    int heads = heads(config, patch.length(0));
    if (config.has("attention_head_dim")) {
      reader.agree("attention_head_dim", patch.length(0) / heads);
    }
    if (config.has("patch_size")) {
      int[] sizes = config.integers("patch_size");
      if (!Shape.of(sizes.length == 3 ? new long[] {sizes[0], sizes[1], sizes[2]} : new long[0])
          .equals(Shape.of(patch.size(2), patch.size(3), patch.size(4)))) {
        throw reader.disagree("patch_size", "another size", patch.toString());
      }
    }
    String type = config.text("model_type", typeOf(config, patch.length(1), outputs / volume));
    int layers = reader.size("num_layers", "num_layers", weights.at("blocks").parts());
    return new TransformerConfig(
        type,
        reader.size("in_dim", "in_channels", patch.length(1)),
        reader.size("out_dim", "out_channels", outputs / volume),
        reader.size("dim", "dim", patch.length(0)),
        reader.size("ffn_dim", "ffn_dim", feedForward.length(0)),
        reader.size("freq_dim", "freq_dim", time.length(1)),
        reader.size("text_dim", "text_dim", text.length(1)),
        config.integer("text_len", 512),
        heads,
        layers,
        patch.length(2),
        patch.length(3),
        patch.length(4),
        config.decimal("eps", 1e-6),
        type.equals("s2v") ? SpeechConfig.of(config, weights, layers) : null);
  }

  /// Returns the channels of one attention head.
  public int headDim() {
    return dim / heads;
  }

  /// Returns the channels of one patch at the input: what the patch embedding takes as a linear
  /// layer.
  public int patchInputs() {
    return inChannels * patchFrames * patchHeight * patchWidth;
  }

  /// Returns the channels of one patch at the output: what the head gives.
  public int patchOutputs() {
    return outChannels * patchFrames * patchHeight * patchWidth;
  }

  /// Says whether the blocks look at the tokens of a picture beside the words of the prompt.
  public boolean seesPicture() {
    return modelType.equals("animate");
  }

  /// Returns what another transformer has otherwise, such as "layers 30 and 40", or nothing.
  String difference(TransformerConfig other) {
    Map<String, Object> own = fields();
    Map<String, Object> others = other.fields();
    return own.keySet().stream()
        .filter(name -> !own.get(name).equals(others.get(name)))
        .map(name -> "%s %s and %s".formatted(name, own.get(name), others.get(name)))
        .collect(Collectors.joining(", "));
  }

  private Map<String, Object> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", modelType);
    fields.put("channels in", inChannels);
    fields.put("channels out", outChannels);
    fields.put("width", dim);
    fields.put("inner width", feedForwardDim);
    fields.put("frequencies", frequencyDim);
    fields.put("text width", textDim);
    fields.put("text length", textLength);
    fields.put("heads", heads);
    fields.put("layers", layers);
    fields.put("patch frames", patchFrames);
    fields.put("patch height", patchHeight);
    fields.put("patch width", patchWidth);
    fields.put("epsilon", epsilon);
    fields.put("speech", speech == null ? "none" : String.join(", ", speech.words()));
    return fields;
  }

  /// Returns this config with another number of text states.
  public TransformerConfig withTextLength(int length) {
    return with(length, speech);
  }

  /// Returns this config with other parts of speech to video.
  public TransformerConfig withSpeech(SpeechConfig other) {
    return with(textLength, other);
  }

  private TransformerConfig with(int length, SpeechConfig other) {
    return new TransformerConfig(
        modelType,
        inChannels,
        outChannels,
        dim,
        feedForwardDim,
        frequencyDim,
        textDim,
        length,
        heads,
        layers,
        patchFrames,
        patchHeight,
        patchWidth,
        epsilon,
        other);
  }

  /// Tells the model by its class and, in the Diffusers layout, by its channels: 36 are noise, mask
  /// and image.
  static String typeOf(ConfigFile config, int inChannels, int outChannels) {
    String className = config.text("_class_name", "");
    if (className.contains("S2V")) {
      return "s2v";
    }
    if (className.contains("Animate")) {
      return "animate";
    }
    if (inChannels != outChannels) {
      return "i2v";
    }
    return inChannels == 48 ? "ti2v" : "t2v";
  }

  /// Returns the number of attention heads; where no config tells it, heads have 128 channels, as
  /// in all published models (Comfy-Org/ComfyUI at a125cd8, comfy/model_detection.py).
  private static int heads(ConfigFile config, int dim) {
    if (config.has("num_heads")) {
      return config.integer("num_heads");
    }
    if (config.has("num_attention_heads") || dim % USUAL_HEAD != 0) {
      return config.integer("num_attention_heads");
    }
    return dim / USUAL_HEAD;
  }

  private record Reader(ConfigFile config, Weights weights) {
    /// Returns the size that the tensors have and that the config, if it speaks, gives too.
    int size(String name, String diffusersName, int fromShape) {
      for (String known : new String[] {name, diffusersName}) {
        if (config.has(known)) {
          agree(known, fromShape);
        }
      }
      return fromShape;
    }

    void agree(String name, int fromShape) {
      int value = config.integer(name);
      if (value != fromShape) {
        throw disagree(name, Integer.toString(value), Integer.toString(fromShape));
      }
    }

    InputException disagree(String name, String got, String expected) {
      return new InputException(
          "%s gives %s as %s, but the tensors beside it have %s; they do not belong together: download both again"
              .formatted(config.path(), name, got, expected));
    }
  }
}
