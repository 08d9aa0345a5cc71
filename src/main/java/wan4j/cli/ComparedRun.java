package wan4j.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import wan4j.Arithmetic;
import wan4j.AttentionSettings;
import wan4j.CacheSettings;
import wan4j.EngineOptions;
import wan4j.Quantization;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.engine.Job;
import wan4j.files.PendingFile;
import wan4j.media.FrameBuffer;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.verify.VideoComparison;

/// A request that is made again, without quantisation and cache and from the same noise, to tell
/// what these have changed.
record ComparedRun(EngineOptions options, VideoRequest request, Quantization.Recipe recipe) {
  private static final String REFERENCE = "bf16";

  /// Throws `InputException` when what `--compare` names cannot be compared with this request.
  ComparedRun {
    boolean isPlain =
        recipe == Quantization.Recipe.NONE
            && request.cache() instanceof CacheSettings.Off
            && request.sampling().gate() == 1;
    if (isPlain) {
      throw new InputException(
          "--compare was given, but nothing is quantised and no forward skipped; add --quantize or"
              + " --use_magcache, or leave it out");
    }
  }

  /// Throws `InputException` for a spelling of `--compare` other than its only one.
  static void check(String spelling, boolean isResumed) {
    if (!spelling.equals(REFERENCE)) {
      throw new InputException("--compare got \"%s\"; give bf16".formatted(spelling));
    }
    if (isResumed) {
      throw new InputException(
          "--compare and --resume were both given, but the steps of an interrupted run are gone;"
              + " give one of them");
    }
  }

  /// Makes the request again, tells how near `made` and the latents of its steps are, and writes
  /// the same as JSON beside the video; a process of a job that is not the first, which has made
  /// nothing by itself, only takes part.
  void run(Tensor made, List<Tensor> madeSteps, Path target, Reporter progress) {
    progress.says("the same request without quantisation and cache");
    VideoComparison comparison;
    try (VideoEngine engine = VideoEngine.open(reference())) {
      List<Tensor> steps = new ArrayList<>();
      VideoRequest plain =
          request.withCache(new CacheSettings.Off()).with(request.sampling().withGate(1));
      FrameBuffer expected = new FrameBuffer();
      engine.decode(plain, engine.sample(plain, progress, steps::add), expected, progress);
      if (!Job.isFirst()) {
        return;
      }
      comparison = VideoComparison.of(made, madeSteps, expected.frames(), steps);
    }
    Path report = report(target);
    write(report, comparison);
    progress.compared(comparison, report);
  }

  /// Throws `InputException` when the figures could not be written beside a video, as far as that
  /// can be known before there is one.
  static void requireWritable(Path target) {
    PendingFile.requireWritable(report(target));
  }

  private static Path report(Path target) {
    return target.resolveSibling(target.getFileName() + ".compare.json");
  }

  private EngineOptions reference() {
    return new EngineOptions(
        options.checkpoint(),
        options.device(),
        Arithmetic.BFLOAT16,
        Quantization.NONE,
        options.loras(),
        options.loraMode(),
        options.offload(),
        options.textOnCpu(),
        options.recording(),
        AttentionSettings.AUTO,
        options.ranks());
  }

  void write(Path file, VideoComparison comparison) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("compared_with", "without quantisation and cache");
    fields.put("fp8_recipe", recipe.spelling());
    fields.put("attention", options.attention().spelling());
    fields.put("magcache", request.cache() instanceof CacheSettings.MagCache);
    fields.put("easycache", request.cache() instanceof CacheSettings.EasyCache);
    fields.put("prompt", request.prompt());
    fields.put("seed", JsonReporter.unsigned(request.sampling().seed()));
    fields.putAll(comparison.fields());
    PendingFile.write(
        file, JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(fields));
  }
}
