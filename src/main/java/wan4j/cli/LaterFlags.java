package wan4j.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;
import wan4j.tensor.InputException;

/// Flags of the reference whose features this build does not have: each is known, and refused with
/// its reason.
final class LaterFlags {
  private static final String SPEECH = "speech to video";
  private static final String ANIMATE = "character animation";
  private static final String EXTEND = "prompt extension";

  @Option(names = "--ulysses_size", hidden = true, description = "Ranks that share a forward.")
  private Integer ulyssesSize;

  @Option(names = "--t5_fsdp", hidden = true, arity = "0..1", fallbackValue = "True")
  private String textSharding;

  @Option(names = "--dit_fsdp", hidden = true, arity = "0..1", fallbackValue = "True")
  private String transformerSharding;

  @Option(names = "--use_prompt_extend", hidden = true, arity = "0..1", fallbackValue = "True")
  private String usePromptExtend;

  @Option(names = "--prompt_extend_method", hidden = true)
  private String promptExtendMethod;

  @Option(names = "--prompt_extend_model", hidden = true)
  private String promptExtendModel;

  @Option(names = "--prompt_extend_target_lang", hidden = true)
  private String promptExtendLanguage;

  @Option(names = "--src_root_path", hidden = true)
  private String sourceRoot;

  @Option(names = "--refert_num", hidden = true)
  private String referenceFrames;

  @Option(names = "--replace_flag", hidden = true, arity = "0..1", fallbackValue = "True")
  private String replace;

  @Option(names = "--use_relighting_lora", hidden = true, arity = "0..1", fallbackValue = "True")
  private String relighting;

  @Option(names = "--num_clip", hidden = true)
  private String clips;

  @Option(names = "--audio", hidden = true)
  private String audio;

  @Option(names = "--enable_tts", hidden = true, arity = "0..1", fallbackValue = "True")
  private String speechSynthesis;

  @Option(names = "--tts_prompt_audio", hidden = true)
  private String speechPromptAudio;

  @Option(names = "--tts_prompt_text", hidden = true)
  private String speechPromptText;

  @Option(names = "--tts_text", hidden = true)
  private String speechText;

  @Option(names = "--pose_video", hidden = true)
  private String poseVideo;

  @Option(names = "--start_from_ref", hidden = true, arity = "0..1", fallbackValue = "True")
  private String startFromReference;

  @Option(names = "--infer_frames", hidden = true)
  private String inferFrames;

  @Option(names = "--compile", hidden = true)
  private String compile;

  @Option(names = "--compile_mode", hidden = true)
  private String compileMode;

  /// Throws `InputException` for the first of these flags that was given.
  void refuse() {
    if (ulyssesSize != null && ulyssesSize != 1) {
      throw new InputException(
          "--ulysses_size got %d, but this build runs on one device; leave it out or give 1"
              .formatted(ulyssesSize));
    }
    refuse("several devices", flags("--t5_fsdp", textSharding, "--dit_fsdp", transformerSharding));
    refuse(
        EXTEND,
        flags(
            "--use_prompt_extend", usePromptExtend,
            "--prompt_extend_method", promptExtendMethod,
            "--prompt_extend_model", promptExtendModel,
            "--prompt_extend_target_lang", promptExtendLanguage));
    refuse(
        ANIMATE,
        flags(
            "--src_root_path", sourceRoot,
            "--refert_num", referenceFrames,
            "--replace_flag", replace,
            "--use_relighting_lora", relighting));
    refuse(
        SPEECH,
        flags(
            "--num_clip", clips,
            "--audio", audio,
            "--enable_tts", speechSynthesis,
            "--tts_prompt_audio", speechPromptAudio,
            "--tts_prompt_text", speechPromptText,
            "--tts_text", speechText,
            "--pose_video", poseVideo,
            "--start_from_ref", startFromReference,
            "--infer_frames", inferFrames));
    refuse(
        "a graph compiler, and needs none",
        flags("--compile", compile, "--compile_mode", compileMode));
  }

  private static Map<String, String> flags(String... namesAndValues) {
    Map<String, String> flags = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      flags.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return flags;
  }

  private static void refuse(String feature, Map<String, String> flags) {
    List<String> given =
        flags.entrySet().stream()
            .filter(flag -> flag.getValue() != null && !isOff(flag.getValue()))
            .map(Map.Entry::getKey)
            .toList();
    if (!given.isEmpty()) {
      throw new InputException(
          "%s was given, but this build does not have %s; leave it out"
              .formatted(given.getFirst(), feature));
    }
  }

  private static boolean isOff(String value) {
    return value.equalsIgnoreCase("false") || value.equals("0");
  }
}
