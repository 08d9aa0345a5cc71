package wan4j.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import wan4j.tensor.InputException;
import wan4j.weights.file.Quoted;

/// Where the networks of a checkpoint lie, found out by looking at its folder.
record CheckpointFiles(
    Layout layout,
    CheckpointKind kind,
    Map<Expert, Path> transformers,
    Path vae,
    Path textEncoder,
    Path tokenizer) {

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
    throw new InputException(
        "%s is no Wan2.2 checkpoint: it has neither high_noise_model/ nor transformer/ nor config.json; give the folder of the download%s"
            .formatted(folder, hint(folder)));
  }

  private static CheckpointFiles originalPair(Path folder) {
    Path high = present(folder.resolve("high_noise_model"), "the high-noise expert");
    Path low = present(folder.resolve("low_noise_model"), "the low-noise expert");
    String type = type(ConfigFile.read(high.resolve("config.json")));
    CheckpointKind kind =
        switch (type) {
          case "t2v" -> CheckpointKind.T2V;
          case "i2v" -> CheckpointKind.I2V;
          default ->
              throw new InputException(
                  "%s holds two experts of type %s; expected t2v or i2v: download it again"
                      .formatted(folder, Quoted.of(type)));
        };
    return original(folder, kind, Map.of(Expert.HIGH_NOISE, high, Expert.LOW_NOISE, low));
  }

  private static CheckpointFiles originalSingle(Path folder) {
    String type = type(ConfigFile.read(folder.resolve("config.json")));
    CheckpointKind kind =
        switch (type) {
          case "ti2v" -> CheckpointKind.TI2V;
          case "s2v" -> CheckpointKind.S2V;
          case "animate" -> CheckpointKind.ANIMATE;
          default ->
              throw new InputException(
                  "%s is not a whole checkpoint but one network%s; expected the folder that holds high_noise_model/ and low_noise_model/, a ti2v-5B, an s2v-14B or an animate-14B checkpoint: give the folder above it"
                      .formatted(folder, type.isEmpty() ? "" : " of type " + Quoted.of(type)));
        };
    return original(folder, kind, Map.of(Expert.SINGLE, folder));
  }

  private static CheckpointFiles original(
      Path folder, CheckpointKind kind, Map<Expert, Path> transformers) {
    String vae = kind == CheckpointKind.TI2V ? "Wan2.2_VAE.pth" : "Wan2.1_VAE.pth";
    return new CheckpointFiles(
        Layout.ORIGINAL,
        kind,
        new TreeMap<>(transformers),
        one(folder, vae, "the VAE"),
        one(folder, "models_t5_umt5-xxl-enc-bf16.pth", "the text encoder"),
        present(folder.resolve("google").resolve("umt5-xxl"), "the tokenizer"));
  }

  private static CheckpointFiles diffusers(Path folder) {
    Path first = folder.resolve("transformer");
    Path second = folder.resolve("transformer_2");
    boolean isPair = Files.isDirectory(second);
    String type = type(ConfigFile.read(first.resolve("config.json")));
    CheckpointKind kind =
        switch (type) {
          case "t2v" -> CheckpointKind.T2V;
          case "i2v" -> CheckpointKind.I2V;
          case "ti2v" -> CheckpointKind.TI2V;
          case "s2v" -> CheckpointKind.S2V;
          case "animate" -> CheckpointKind.ANIMATE;
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
        present(folder.resolve("tokenizer"), "the tokenizer"));
  }

  /// Returns the type of a transformer by its config alone: its own word for it, its class, or its
  /// channels.
  private static String type(ConfigFile config) {
    String className = config.text("_class_name", "");
    boolean isTransformer =
        config.has("model_type")
            || (className.contains("Wan") && !className.contains("Autoencoder"));
    if (!isTransformer) {
      return "";
    }
    String given = config.text("model_type", "");
    if (!given.isEmpty()) {
      return given;
    }
    String in = config.has("in_dim") ? "in_dim" : "in_channels";
    String out = config.has("out_dim") ? "out_dim" : "out_channels";
    return TransformerConfig.typeOf(config, config.integer(in, 16), config.integer(out, 16));
  }

  /// Finds a file by the name that the download gives it, or with another type or ending, as after
  /// a conversion.
  private static Path one(Path folder, String name, String what) {
    Path own = folder.resolve(name);
    if (Files.exists(own, LinkOption.NOFOLLOW_LINKS)) {
      return present(own, what);
    }
    String beginning = name.replaceFirst("(-bf16)?\\.pth$", "");
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(f -> f.getFileName().toString().startsWith(beginning))
          .filter(f -> f.toString().endsWith(".safetensors") || f.toString().endsWith(".pth"))
          .min(Comparator.naturalOrder())
          .orElseGet(() -> present(own, what));
    } catch (IOException e) {
      throw new InputException(folder + " cannot be listed; check its permissions", e);
    }
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
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(f ->
              Files.isDirectory(f.resolve("high_noise_model"))
                  || Files.isDirectory(f.resolve("transformer")))
          .sorted()
          .findFirst()
          .map(f -> ", perhaps " + f)
          .orElse("");
    } catch (IOException e) {
      throw new InputException(folder + " cannot be listed; check its permissions", e);
    }
  }
}
