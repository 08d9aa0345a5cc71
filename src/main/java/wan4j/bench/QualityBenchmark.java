package wan4j.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Arithmetic;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Latents;
import wan4j.Progress;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.bench.measure.Measurement;
import wan4j.demo.DemoRequest;
import wan4j.media.FrameBuffer;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.verify.VideoMetrics;

/// The distance of videos with FP8 or a step cache from those without, on a checkpoint and a list
/// of prompts; every variant starts from the same noise.
public final class QualityBenchmark {
  /// The prompts, each run with its own seed.
  public static final List<String> PROMPTS =
      List.of(
          "a red ball moves left",
          "a yellow ring moves up",
          "a large green square moves down over a striped navy background",
          "a cyan star moves right on a brown background",
          "a small purple triangle moves down on a black background",
          "a pink ring moves left",
          "a large white square moves up over a striped navy background",
          "a red ring moves down on a brown background",
          "a green ball moves down",
          "a blue ring moves right on a brown background",
          "a purple square moves up",
          "a small pink star moves left on a black background",
          "a large red star moves up over a striped navy background",
          "a cyan square moves down",
          "a purple ball moves up on a brown background",
          "a pink triangle moves down",
          "a small cyan ball moves up on a black background",
          "an orange square moves down on a gray background",
          "一个蓝色的球向上移动",
          "一个黄色的圆环向上移动");

  private QualityBenchmark() {}

  /// One acceleration: the recipe of the transformers' linear layers, and the forwards that are
  /// skipped.
  private record Variant(Quantization.Recipe recipe, String cacheName, CacheSettings cache) {}

  /// What one variant made of one prompt.
  private record Outcome(Latents latents, Tensor video, double seconds) {}

  /// Measures all recipes, and MagCache in two settings with `ratios` that a calibration wrote, on
  /// a checkpoint of the demo's sizes; when there is no such file it is measured first, with the
  /// first prompt.
  public static List<Measurement> run(
      Path checkpoint, Device device, Arithmetic arithmetic, Path ratios) {
    if (!Files.exists(ratios)) {
      calibrate(checkpoint, device, arithmetic, ratios);
    }
    List<Measurement> measurements = new ArrayList<>();
    Variant plain = new Variant(Quantization.Recipe.NONE, "none", new CacheSettings.Off());
    List<Outcome> truth = outcomes(checkpoint, device, arithmetic, plain);
    measurements.add(seconds(parameters(device, arithmetic, plain), truth));
    for (Variant variant : variants(ratios)) {
      List<Outcome> made = outcomes(checkpoint, device, arithmetic, variant);
      measurements.addAll(compare(parameters(device, arithmetic, variant), truth, made));
    }
    return measurements;
  }

  /// Measures MagCache's ratios with the first prompt and writes them to a file.
  public static void calibrate(Path checkpoint, Device device, Arithmetic arithmetic, Path target) {
    try (VideoEngine engine = open(checkpoint, device, arithmetic, Quantization.Recipe.NONE)) {
      engine.sample(request(0, new CacheSettings.Calibration(target)), Progress.NONE);
    }
  }

  private static List<Variant> variants(Path ratios) {
    List<Variant> variants = new ArrayList<>();
    variants.add(
        new Variant(
            Quantization.Recipe.NONE,
            "MagCache E012K2R20",
            new CacheSettings.MagCache(0.12, 2, 0.2, ratios)));
    variants.add(
        new Variant(
            Quantization.Recipe.NONE,
            "MagCache E024K2R10",
            new CacheSettings.MagCache(0.24, 2, 0.1, ratios)));
    for (Quantization.Recipe recipe : Quantization.Recipe.named()) {
      variants.add(new Variant(recipe, "none", new CacheSettings.Off()));
    }
    return variants;
  }

  private static VideoEngine open(
      Path checkpoint, Device device, Arithmetic arithmetic, Quantization.Recipe recipe) {
    return VideoEngine.open(
        new EngineOptions(
            checkpoint, device, arithmetic, new Quantization(recipe, List.of()), false, false));
  }

  private static List<Outcome> outcomes(
      Path checkpoint, Device device, Arithmetic arithmetic, Variant variant) {
    List<Outcome> outcomes = new ArrayList<>();
    try (VideoEngine engine = open(checkpoint, device, arithmetic, variant.recipe())) {
      for (int i = 0; i < PROMPTS.size(); i++) {
        long start = System.nanoTime();
        VideoRequest request = request(i, variant.cache());
        Latents latents = engine.sample(request, Progress.NONE);
        double seconds = (System.nanoTime() - start) / 1e9;
        FrameBuffer video = new FrameBuffer();
        engine.decode(request, latents, video, Progress.NONE);
        outcomes.add(new Outcome(latents, video.frames(), seconds));
      }
    }
    return outcomes;
  }

  private static VideoRequest request(int index, CacheSettings cache) {
    return DemoRequest.of(PROMPTS.get(index), null, index + 1L, cache);
  }

  private static Map<String, Object> parameters(
      Device device, Arithmetic arithmetic, Variant variant) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("checkpoint", "demo t2v");
    parameters.put("task", Task.T2V_A14B.spelling());
    parameters.put("share", 1);
    parameters.put("gpus", device == Device.CUDA ? 1 : 0);
    parameters.put("precision", arithmetic.spelling(device));
    parameters.put("recipe", variant.recipe().spelling());
    parameters.put("cache", variant.cacheName());
    parameters.put("prompts", PROMPTS.size());
    parameters.put("size", DemoRequest.SIDE + "*" + DemoRequest.SIDE);
    parameters.put("frames", DemoRequest.FRAMES);
    parameters.put("steps", DemoRequest.STEPS);
    return parameters;
  }

  private static List<Measurement> compare(
      Map<String, Object> parameters, List<Outcome> truth, List<Outcome> made) {
    double[] psnr = new double[made.size()];
    double[] ssim = new double[made.size()];
    double[] latents = new double[made.size()];
    for (int i = 0; i < made.size(); i++) {
      VideoMetrics metrics = VideoMetrics.compare(made.get(i).video(), truth.get(i).video());
      psnr[i] = Math.min(metrics.psnr(), 100); // equal videos have no finite figure
      ssim[i] = metrics.ssim();
      latents[i] =
          Comparison.relativeError(
              made.get(i).latents().values().toFloats(),
              truth.get(i).latents().values().toFloats());
    }
    return List.of(
        Measurement.of("quality", parameters, "PSNR against none", "dB", psnr),
        Measurement.of("quality", parameters, "SSIM against none", "", ssim),
        Measurement.of("quality", parameters, "relative L2 of latents", "", latents),
        seconds(parameters, made));
  }

  private static Measurement seconds(Map<String, Object> parameters, List<Outcome> outcomes) {
    return Measurement.of(
        "quality",
        parameters,
        "sampling",
        "s",
        outcomes.stream().mapToDouble(Outcome::seconds).toArray());
  }
}
