package wan4j.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import wan4j.AttentionSettings;
import wan4j.CacheSettings;
import wan4j.ClipPlan;
import wan4j.EngineOptions;
import wan4j.EngineOptions.LoraMode;
import wan4j.Latents;
import wan4j.LoraFile;
import wan4j.Quantization;
import wan4j.Ranks;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.files.FilePrint;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// The latents of a clip that is sampled, beside its video, until that is written.
public record SavedLatents(Path file) {
  private static final String SEED = "base_seed";

  /// What tells which weights were used.
  static final String CHECKPOINT = "checkpoint";

  /// What files mean that do not tell a flag, since it is younger than they are.
  private static final Map<String, String> UNTOLD =
      Map.of("attention", AttentionSettings.AUTO.spelling(), "gpus", Ranks.ALONE.spelling());

  /// The version of wan4j, which a state between two steps belongs to.
  static final String VERSION = "version";

  /// Returns where the latents of a video's clip lie, by its number from 0.
  public static SavedLatents beside(Path video, int clip) {
    String number = clip == 0 ? "" : "." + (clip + 1);
    return new SavedLatents(
        video.resolveSibling(video.getFileName() + ".latents" + number + ".safetensors"));
  }

  /// Returns what a request's latents are, by the names of flags, but for the seed.
  public static Map<String, String> description(
      EngineOptions options, Task task, Quantization.Recipe recipe, VideoRequest request) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put(CHECKPOINT, Fingerprint.ofCheckpoint(options.checkpoint()));
    flags.put("task", task.spelling());
    flags.put("prompt", String.join("\n", request.prompts()));
    flags.put("negative_prompt", request.negativePrompt());
    flags.putAll(SourcePrint.of(request.source()));
    flags.put("size", request.size().sides());
    flags.put("frame_num", Integer.toString(request.size().frames()));
    flags.put("clips", clips(request.clips()));
    Sampling sampling = request.sampling();
    flags.put("sample_solver", sampling.solver().spelling());
    flags.put("sample_steps", Integer.toString(sampling.steps()));
    flags.put("sample_shift", Double.toString(sampling.shift()));
    flags.put("sample_guide_scale", sampling.lowGuidance() + "," + sampling.highGuidance());
    flags.put("noise", sampling.noise().spelling());
    flags.put("fp8_recipe", recipe.spelling());
    flags.put("fp8_skip", String.join(",", options.quantization().skipped()));
    flags.put("attention", options.attention().spelling());
    flags.put("lora", names(options, request));
    flags.put("cache", name(request.cache()));
    flags.put("cfg_gate", sampling.gate() < 1 ? Double.toString(sampling.gate()) : "");
    return flags;
  }

  private static String clips(ClipPlan clips) {
    return clips.count() == 1
        ? ""
        : "%d, overlapping by %d".formatted(clips.count(), clips.overlap());
  }

  private static String name(CacheSettings cache) {
    return switch (cache) {
      case CacheSettings.Off _ -> "";
      case CacheSettings.MagCache magCache -> magCache.toString();
      case CacheSettings.EasyCache easyCache -> easyCache.toString();
      case CacheSettings.Calibration _ -> ""; // computes every forward
    };
  }

  private static String names(EngineOptions options, VideoRequest request) {
    return Stream.concat(
            options.loras().stream().map(lora -> name(lora, options.loraMode())),
            request.loras().stream().map(lora -> name(lora, LoraMode.SIDE)))
        .collect(Collectors.joining(", "));
  }

  private static String name(LoraFile lora, LoraMode mode) {
    return "%s:%s of %s %s (%s)"
        .formatted(
            lora.path().getFileName(),
            lora.strength(),
            lora.target(),
            mode,
            FilePrint.of(List.of(lora.path())));
  }

  /// Writes latents with what they are made from.
  void write(Tensor latents, Map<String, String> description, long seed) {
    Map<String, String> whole = new LinkedHashMap<>(description);
    whole.put(SEED, Long.toUnsignedString(seed));
    LatentsFile.write(file, new Latents(latents), whole);
  }

  /// Throws `InputException` when the file's latents are of another request.
  void requireSame(Map<String, String> description, long seed) {
    requireSame(file, "latents", LatentsFile.read(file).description(), description, seed);
  }

  /// Throws `InputException` when what a file holds is not of the request that is described.
  static void requireSame(
      Path file,
      String what,
      Map<String, String> found,
      Map<String, String> description,
      long seed) {
    Map<String, String> wanted = new LinkedHashMap<>(description);
    wanted.put(SEED, Long.toUnsignedString(seed));
    wanted.forEach((flag, value) -> {
      String own = found.getOrDefault(flag, UNTOLD.getOrDefault(flag, ""));
      if (!value.equals(own)) {
        throw other(file, what, flag, own, value);
      }
    });
  }

  /// Returns the seed that a file's description names; throws `InputException` when it names none.
  static long seed(Path file, Map<String, String> description) {
    try {
      return Long.parseUnsignedLong(description.getOrDefault(SEED, ""));
    } catch (NumberFormatException e) {
      throw new InputException(
          "%s does not name its seed; expected what an interrupted run left: run without --resume"
              .formatted(file),
          e);
    }
  }

  private static InputException other(
      Path file, String what, String flag, String found, String wanted) {
    if (flag.equals(CHECKPOINT)) {
      return new InputException(
          "%s holds %s of %s, not of the one that --ckpt_dir names; give the checkpoint of the interrupted run, or run without --resume"
              .formatted(
                  file,
                  what,
                  found.isEmpty() ? "a checkpoint that it does not tell" : "another checkpoint"));
    }
    if (flag.equals(VERSION)) {
      return new InputException(
          "%s holds %s of wan4j %s, but this is wan4j %s; go on with the former, or run without --resume"
              .formatted(file, what, found, wanted));
    }
    return new InputException(
        "%s holds %s made with --%s \"%s\", but \"%s\" was asked for; give the flags of the interrupted run, or run without --resume"
            .formatted(file, what, flag, found, wanted));
  }

  /// Removes the file, once the video is whole.
  void delete() {
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
