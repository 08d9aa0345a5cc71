package wan4j.weights;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;

/// What a transformer of speech to video has beside others.
///
/// @param soundLayers hidden states of the speech network that the sound's mix is made of
/// @param soundDim size of each
/// @param soundTokens tokens of sound that a latent frame sees beside the one of padding
/// @param injectors the injector of sound that runs after a block, by the block's number
/// @param hasZeroTimestep whether tokens beside the sample's have timestep 0, and not the sample's
/// @param packing which of the frames before the clip are seen
public record SpeechConfig(
    int soundLayers,
    int soundDim,
    int soundTokens,
    Map<Integer, Integer> injectors,
    boolean hasZeroTimestep,
    Packing packing) {
  private static final int[] PUBLISHED = {0, 4, 8, 12, 16, 20, 24, 27, 30, 33, 36, 39};

  /// Copies the map, by the blocks' order.
  public SpeechConfig {
    injectors = Collections.unmodifiableMap(new TreeMap<>(injectors));
  }

  /// How the frames before a clip become tokens: the last one, the two before it, and sixteen
  /// before those, each group more coarsely than the one after it.
  ///
  /// @param groups how many of the three groups are seen, from the oldest on: 1 to 3
  /// @param isDropped whether groups that are not seen have no tokens, or tokens of zeros
  public record Packing(int groups, boolean isDropped) {
    /// All groups.
    public static final Packing WHOLE = new Packing(3, false);
  }

  /// Returns this with another packing.
  public SpeechConfig with(Packing other) {
    return new SpeechConfig(soundLayers, soundDim, soundTokens, injectors, hasZeroTimestep, other);
  }

  /// Reads what a config says, else what the reference takes, and what shapes tell; throws
  /// `InputException` for parts that this build does not have, and where they disagree.
  static SpeechConfig of(ConfigFile config, Weights weights, int layers) {
    require(config, "enable_adain", config.flag("enable_adain", true), true);
    require(config, "enable_motioner", config.flag("enable_motioner", false), false);
    require(config, "enable_framepack", config.flag("enable_framepack", true), true);
    String mode = config.text("adain_mode", "attn_norm");
    if (!mode.equals("attn_norm")) {
      throw unknown(config, "adain_mode", mode, "attn_norm");
    }
    Shape mix = weights.shape("casual_audio_encoder.weights", 4);
    Shape local = weights.shape("casual_audio_encoder.encoder.conv1_local.conv.weight", 3);
    Shape global = weights.shape("casual_audio_encoder.encoder.conv1_global.conv.weight", 3);
    int tokens = local.length(0) / global.length(0);
    agree(config, "audio_dim", local.length(1));
    agree(config, "num_audio_token", tokens);
    int[] blocks =
        config.has("audio_inject_layers") ? config.integers("audio_inject_layers") : PUBLISHED;
    Map<Integer, Integer> injectors = injectors(blocks, layers);
    int stored = weights.at("audio_injector.injector").parts();
    int wanted = injectors.values().stream().mapToInt(index -> index + 1).max().orElse(0);
    if (wanted != stored) {
      throw new InputException(
          "%s gives audio_inject_layers as %s, which takes %d injectors, but the tensors beside it have %d; they do not belong together: download both again"
              .formatted(config.path(), Arrays.toString(blocks), wanted, stored));
    }
    boolean isDropped = config.text("framepack_drop_mode", "padd").equals("drop");
    return new SpeechConfig(
        mix.length(1),
        local.length(1),
        tokens,
        injectors,
        config.flag("zero_timestep", true),
        new Packing(config.flag("add_last_motion", true) ? 3 : 1, isDropped));
  }

  /// Returns which injector runs after which block. As in the reference, whose blocks are found by
  /// the beginning of their names, a number that begins another's takes the injector of the last
  /// such block (wan/modules/s2v/audio_utils.py, `AudioInjector_WAN`).
  static Map<Integer, Integer> injectors(int[] blocks, int layers) {
    Map<Integer, Integer> injectors = new TreeMap<>();
    int next = 0;
    for (int layer = 0; layer < layers; layer++) {
      for (int block : blocks) {
        if (Integer.toString(layer).startsWith(Integer.toString(block))) {
          injectors.put(block, next++);
        }
      }
    }
    return injectors;
  }

  /// Returns the sizes of the published network with a number of blocks.
  public static SpeechConfig published(int layers) {
    int[] blocks = IntStream.of(PUBLISHED).filter(block -> block < layers).toArray();
    return new SpeechConfig(25, 1024, 4, injectors(blocks, layers), true, Packing.WHOLE);
  }

  /// Returns what of it a message about differences names.
  List<String> words() {
    List<String> words = new ArrayList<>();
    words.add("%d states of sound of %d".formatted(soundLayers, soundDim));
    words.add("%d tokens of sound".formatted(soundTokens));
    words.add("injectors after blocks " + injectors.keySet());
    return words;
  }

  private static void require(ConfigFile config, String name, boolean got, boolean known) {
    if (got != known) {
      throw unknown(config, name, Boolean.toString(got), Boolean.toString(known));
    }
  }

  private static InputException unknown(
      ConfigFile config, String name, String got, String expected) {
    return new InputException(
        "%s gives %s as %s; expected %s, as Wan2.2-S2V-14B has it: use that checkpoint"
            .formatted(config.path(), name, got, expected));
  }

  private static void agree(ConfigFile config, String name, int fromShape) {
    if (config.has(name) && config.integer(name) != fromShape) {
      throw new InputException(
          "%s gives %s as %d, but the tensors beside it have %d; they do not belong together: download both again"
              .formatted(config.path(), name, config.integer(name), fromShape));
    }
  }
}
