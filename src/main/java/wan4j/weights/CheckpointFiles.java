package wan4j.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.weights.file.TensorFile;

/// Where the networks of a checkpoint lie, found out by looking at its folder; `speech` is null
/// where none is wanted.
record CheckpointFiles(
    Layout layout,
    CheckpointKind kind,
    Map<Expert, Path> transformers,
    Path vae,
    Path textEncoder,
    Path tokenizer,
    Path speech) {
  private static final String SPEECH = "wav2vec2-large-xlsr-53-english";
  private static final Pattern HIGH = single("high_?noise");
  private static final Pattern LOW = single("low_?noise");
  private static final Pattern TI2V = single("ti2v");
  private static final Pattern GGUF = Pattern.compile(".*\\.gguf", Pattern.CASE_INSENSITIVE);

  private static Pattern single(String word) {
    return Pattern.compile(
        "(?!.*lora).*" + word + ".*\\.(safetensors|pth)", Pattern.CASE_INSENSITIVE);
  }

  /// Looks at a folder; throws `InputException` when it is no complete checkpoint that we know.
  static CheckpointFiles find(Path folder) {
    if (!Files.isDirectory(folder)) {
      String what = Files.exists(folder) ? " is a file" : " does not exist";
      throw new InputException(
          folder + what + "; expected the folder of a Wan2.2 checkpoint: check the path");
    }
    if (Files.isDirectory(folder.resolve("high_noise_model"))
        || Files.isDirectory(folder.resolve("low_noise_model"))) {
      return originalPair(folder);
    }
    if (Files.isDirectory(folder.resolve("transformer"))) {
      return diffusers(folder);
    }
    if (Files.exists(folder.resolve("config.json"))) {
      return originalSingle(folder);
    }
    return singleFiles(folder);
  }

  private static CheckpointFiles originalPair(Path folder) {
    Path high = present(folder.resolve("high_noise_model"), "the high-noise expert");
    Path low = present(folder.resolve("low_noise_model"), "the low-noise expert");
    return original(
        folder, pairKind(folder, high), Map.of(Expert.HIGH_NOISE, high, Expert.LOW_NOISE, low));
  }

  private static CheckpointKind pairKind(Path folder, Path high) {
    String type = TransformerType.of(high);
    return switch (type) {
      case "t2v" -> CheckpointKind.T2V;
      case "i2v" -> CheckpointKind.I2V;
      default ->
          throw new InputException(
              "%s holds two experts of type %s; expected t2v or i2v: put the experts of one model there"
                  .formatted(folder, Quoted.of(type)));
    };
  }

  /// A folder of single files as ComfyUI's collections have them: each network by its file's name,
  /// the transformers' sizes by their tensors.
  private static CheckpointFiles singleFiles(Path folder) {
    Path high = transformer(folder, HIGH);
    Path low = transformer(folder, LOW);
    if (high != null && low != null) {
      return original(
          folder, pairKind(folder, high), Map.of(Expert.HIGH_NOISE, high, Expert.LOW_NOISE, low));
    }
    Path single = transformer(folder, TI2V);
    if (single != null && high == null && low == null) {
      return original(folder, CheckpointKind.TI2V, Map.of(Expert.SINGLE, single));
    }
    requireNoGguf(folder, GGUF);
    throw new InputException(
        "%s is not a Wan2.2 checkpoint: it has neither high_noise_model/ nor transformer/ nor config.json; give the folder of the download%s"
            .formatted(folder, hint(folder)));
  }

  private static Path transformer(Path folder, Pattern name) {
    List<Path> found =
        list(folder).stream()
            .filter(file -> name.matcher(file.getFileName().toString()).matches())
            .toList();
    if (found.size() > 1) {
      throw new InputException(
          "%s holds %s and %s, of which one can be used; expected one file for each transformer: keep one"
              .formatted(
                  folder,
                  Quoted.of(found.get(0).getFileName().toString()),
                  Quoted.of(found.get(1).getFileName().toString())));
    }
    return found.isEmpty() ? null : found.getFirst();
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(file -> !file.getFileName().toString().startsWith(".")).sorted().toList();
    } catch (IOException e) {
      throw new InputException(folder + " cannot be listed; check its permissions", e);
    }
  }

  private static void requireNoGguf(Path folder, Pattern name) {
    list(folder).stream()
        .filter(file -> name.matcher(file.getFileName().toString()).matches())
        .findFirst()
        .ifPresent(file -> {
          throw new InputException(
              "%s is a GGUF file, which wan4j does not read; expected safetensors or PyTorch in bf16 or FP8: download that version"
                  .formatted(file));
        });
  }

  private static CheckpointFiles originalSingle(Path folder) {
    String type = TransformerType.of(ConfigFile.read(folder.resolve("config.json")));
    CheckpointKind kind =
        switch (type) {
          case "ti2v" -> CheckpointKind.TI2V;
          case "s2v" -> CheckpointKind.S2V;
          case "animate" -> CheckpointKind.ANIMATE;
          case "animate-2" -> throw laterAnimate(folder);
          default ->
              throw new InputException(
                  "%s is not a whole checkpoint but one network%s; expected the folder that holds high_noise_model/ and low_noise_model/, a ti2v-5B, an s2v-14B or an animate-14B checkpoint: give the folder above it"
                      .formatted(folder, type.isEmpty() ? "" : " of type " + Quoted.of(type)));
        };
    return original(folder, kind, Map.of(Expert.SINGLE, folder));
  }

  private static InputException laterAnimate(Path folder) {
    return new InputException(
        "%s holds Wan2.2-Animate-2 or a later one, whose network wan4j does not have; expected Wan-AI/Wan2.2-Animate-14B: download that"
            .formatted(folder));
  }

  /// Finds the file of the image network of an animate-14B checkpoint.
  static Path vision(Path folder) {
    return one(
        folder,
        "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",
        "models_clip_|.*clip_vision",
        "the image network");
  }

  /// Returns where the relighting LoRA of an animate-14B checkpoint lies, which may be missing.
  static Path relightingLora(Path folder) {
    Path converted = folder.resolve("relighting_lora.safetensors");
    return Files.exists(converted) ? converted : folder.resolve("relighting_lora.ckpt");
  }

  private static CheckpointFiles original(
      Path folder, CheckpointKind kind, Map<Expert, Path> transformers) {
    if (kind == CheckpointKind.ANIMATE) {
      var _ = vision(folder); // must be there
    }
    boolean isNew = kind == CheckpointKind.TI2V;
    Path textEncoder =
        one(folder, "models_t5_umt5-xxl-enc-bf16.pth", "models_t5_|umt5", "the text encoder");
    return new CheckpointFiles(
        Layout.ORIGINAL,
        kind,
        new TreeMap<>(transformers),
        isNew
            ? one(folder, "Wan2.2_VAE.pth", "wan_?2[._]2_vae", "the VAE")
            : one(folder, "Wan2.1_VAE.pth", "wan_?2[._]1_vae", "the VAE"),
        textEncoder,
        tokenizer(folder, textEncoder),
        kind == CheckpointKind.S2V ? speech(folder) : null);
  }

  private static CheckpointFiles diffusers(Path folder) {
    Path first = folder.resolve("transformer");
    Path second = folder.resolve("transformer_2");
    boolean isPair = Files.isDirectory(second);
    String type = TransformerType.of(first);
    CheckpointKind kind =
        switch (type) {
          case "t2v" -> CheckpointKind.T2V;
          case "i2v" -> CheckpointKind.I2V;
          case "ti2v" -> CheckpointKind.TI2V;
          case "s2v" -> CheckpointKind.S2V;
          case "animate-2" -> throw laterAnimate(folder);
          case "animate" ->
              throw new InputException(
                  "%s holds animate-14B in the layout of Diffusers, which wan4j reads of other models only; expected the layout of Wan-AI/Wan2.2-Animate-14B: download that"
                      .formatted(folder));
          default ->
              throw new InputException(
                  "%s holds a transformer of type %s; expected one of the Wan2.2 models: check the path"
                      .formatted(folder, Quoted.of(type)));
        };
    boolean needsPair = kind == CheckpointKind.T2V || kind == CheckpointKind.I2V;
    if (needsPair != isPair) {
      throw new InputException(
          needsPair
              ? "%s has transformer/ but no transformer_2/; expected both experts of %s (Wan2.1 models have one and are not supported): download the other"
                  .formatted(folder, kind.task())
              : "%s has transformer_2/, but its transformer/ is that of %s, which has one; download it again"
                  .formatted(folder, kind.task()));
    }
    return new CheckpointFiles(
        Layout.DIFFUSERS,
        kind,
        new TreeMap<>(
            isPair
                ? Map.of(Expert.HIGH_NOISE, first, Expert.LOW_NOISE, second)
                : Map.of(Expert.SINGLE, first)),
        present(folder.resolve("vae"), "the VAE"),
        present(folder.resolve("text_encoder"), "the text encoder"),
        present(folder.resolve("tokenizer"), "the tokenizer"),
        kind == CheckpointKind.S2V ? speech(folder) : null);
  }

  /// Finds the folder of the speech network by the name that the download gives it, or by its
  /// config.
  private static Path speech(Path folder) {
    Path own = folder.resolve(SPEECH);
    if (Files.exists(own, LinkOption.NOFOLLOW_LINKS)) {
      return present(own, "the speech network");
    }
    return list(folder).stream()
        .filter(CheckpointFiles::isSpeech)
        .findFirst()
        .orElseGet(() -> present(own, "the speech network"));
  }

  private static boolean isSpeech(Path folder) {
    Path config = folder.resolve("config.json");
    return Files.exists(config)
        && ConfigFile.read(config).text("model_type", "").equals("wav2vec2");
  }

  /// Returns the folder of the tokenizer, or the text encoder's file where that carries the
  /// tokenizer itself.
  private static Path tokenizer(Path folder, Path textEncoder) {
    Path own = folder.resolve("google").resolve("umt5-xxl");
    if (Files.exists(own, LinkOption.NOFOLLOW_LINKS)) {
      return present(own, "the tokenizer");
    }
    if (Files.isRegularFile(textEncoder)) {
      try (TensorFile file = TensorFile.open(textEncoder)) {
        if (file.tensors().containsKey(Weights.SENTENCE_PIECES)) {
          return textEncoder;
        }
      }
    }
    return present(own, "the tokenizer");
  }

  /// Finds a file by the name that the download gives it, or with another type or ending, as after
  /// a conversion, or by the beginning that other collections give it.
  private static Path one(Path folder, String name, String beginning, String what) {
    Path own = folder.resolve(name);
    if (Files.exists(own, LinkOption.NOFOLLOW_LINKS)) {
      return present(own, what);
    }
    Pattern other =
        Pattern.compile("(" + beginning + ").*\\.(safetensors|pth)", Pattern.CASE_INSENSITIVE);
    List<Path> found =
        list(folder).stream()
            .filter(file -> other.matcher(file.getFileName().toString()).matches())
            .toList();
    if (found.isEmpty()) {
      requireNoGguf(
          folder, Pattern.compile("(" + beginning + ").*\\.gguf", Pattern.CASE_INSENSITIVE));
      return present(own, what);
    }
    return found.getFirst();
  }

  /// Returns the path if something is there; throws `InputException` otherwise.
  private static Path present(Path path, String what) {
    if (!Files.exists(path)) {
      String how = Files.isSymbolicLink(path) ? "is a broken link" : "is missing";
      throw new InputException(
          "%s of the checkpoint %s: expected it at %s; download it again"
              .formatted(what, how, path));
    }
    return path;
  }

  /// Names a folder just below that looks like a checkpoint, as in an unpacked archive or a
  /// download cache.
  private static String hint(Path folder) {
    return list(folder).stream()
        .filter(f ->
            Files.isDirectory(f.resolve("high_noise_model"))
                || Files.isDirectory(f.resolve("transformer")))
        .findFirst()
        .map(f -> ", perhaps " + f)
        .orElse("");
  }
}
