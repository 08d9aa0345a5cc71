package wan4j.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import wan4j.CacheSettings;
import wan4j.EngineOptions;
import wan4j.Latents;
import wan4j.LoraFile;
import wan4j.Quantization;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.files.PendingFile;
import wan4j.media.Picture;
import wan4j.tensor.InputException;

/// The latents of a request beside its video, from the end of sampling until the video is written.
public record SavedLatents(Path file) {
  private static final String SEED = "base_seed";
  private static final String CHECKPOINT = "checkpoint";

  /// What a request is resumed from.
  ///
  /// @param latents its latents
  /// @param seed the seed that made them
  public record Saved(Latents latents, long seed) {}

  /// Returns where the latents of a video lie.
  public static SavedLatents beside(Path video) {
    return new SavedLatents(video.resolveSibling(video.getFileName() + ".latents.safetensors"));
  }

  /// Returns what a request's latents are, by the names of flags, but for the seed.
  public static Map<String, String> description(
      EngineOptions options, Task task, Quantization.Recipe recipe, VideoRequest request) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put(CHECKPOINT, Fingerprint.ofCheckpoint(options.checkpoint()));
    flags.put("task", task.spelling());
    flags.put("prompt", request.prompt());
    flags.put("negative_prompt", request.negativePrompt());
    flags.put("image", name(request.source()));
    flags.put("size", request.size().sides());
    flags.put("frame_num", Integer.toString(request.size().frames()));
    Sampling sampling = request.sampling();
    flags.put("sample_solver", sampling.solver().spelling());
    flags.put("sample_steps", Integer.toString(sampling.steps()));
    flags.put("sample_shift", Double.toString(sampling.shift()));
    flags.put("sample_guide_scale", sampling.lowGuidance() + "," + sampling.highGuidance());
    flags.put("noise", sampling.noise().spelling());
    flags.put("fp8_recipe", recipe.spelling());
    flags.put("fp8_skip", String.join(",", options.quantization().skipped()));
    flags.put("attention", options.attention().spelling());
    flags.put("lora", names(options));
    flags.put(
        "use_magcache",
        request.cache() instanceof CacheSettings.MagCache cache ? cache.toString() : "");
    return flags;
  }

  private static String name(Source source) {
    return switch (source) {
      case Source.Text _ -> "";
      case Source.Image image -> name(image.picture());
    };
  }

  private static String name(Picture image) {
    CRC32 sum = new CRC32();
    sum.update(image.rgb());
    return "%d*%d, %08x".formatted(image.width(), image.height(), sum.getValue());
  }

  private static String names(EngineOptions options) {
    return options.loras().stream()
        .map((LoraFile lora) ->
            "%s:%s of %s %s (%s)"
                .formatted(
                    lora.path().getFileName(),
                    lora.strength(),
                    lora.target(),
                    options.loraMode(),
                    print(lora.path())))
        .collect(Collectors.joining(", "));
  }

  private static String print(Path path) {
    return Files.isRegularFile(path) ? Fingerprint.of(List.of(path)) : "";
  }

  /// Writes latents with what they are made from.
  public void write(Latents latents, Map<String, String> description, long seed) {
    Map<String, String> whole = new LinkedHashMap<>(description);
    whole.put(SEED, Long.toString(seed));
    LatentsFile.write(file, latents, whole);
  }

  /// Returns the latents that an interrupted run left; `seed` is null where any will do. Throws
  /// `InputException` when there are none or of another request.
  public Saved read(Map<String, String> description, Long seed) {
    if (!Files.exists(file)) {
      throw new InputException(
          "--resume found no %s; run without --resume to begin anew".formatted(file));
    }
    LatentsFile.Content content = LatentsFile.read(file);
    Map<String, String> found = content.description();
    Map<String, String> wanted = new LinkedHashMap<>(description);
    if (seed != null) {
      wanted.put(SEED, Long.toString(seed));
    }
    wanted.forEach((flag, value) -> {
      if (!value.equals(found.getOrDefault(flag, ""))) {
        throw other(flag, found.getOrDefault(flag, ""), value);
      }
    });
    try {
      return new Saved(content.latents(), Long.parseLong(found.getOrDefault(SEED, "")));
    } catch (NumberFormatException e) {
      throw new InputException(
          "%s does not name its seed; expected latents of an interrupted run: run without --resume"
              .formatted(file),
          e);
    }
  }

  private InputException other(String flag, String found, String wanted) {
    if (flag.equals(CHECKPOINT)) {
      return new InputException(
          "%s holds latents of %s, not of the one that --ckpt_dir names; give the checkpoint of the interrupted run, or run without --resume"
              .formatted(
                  file,
                  found.isEmpty() ? "a checkpoint that it does not tell" : "another checkpoint"));
    }
    return new InputException(
        "%s holds latents made with --%s \"%s\", but \"%s\" was asked for; give the flags of the interrupted run, or run without --resume"
            .formatted(file, flag, found, wanted));
  }

  /// Removes the file, once the video is whole.
  public void delete() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Throws `InputException` when the file could not be written, as far as that can be known before
  /// there are latents.
  public void requireWritable() {
    PendingFile.requireWritable(file);
  }
}
