package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.EngineOptions;
import wan4j.Latents;
import wan4j.Progress;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.bench.measure.Measurement;
import wan4j.media.FrameBuffer;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.verify.VideoMetrics;

/// The distance of videos that accelerations make from those without, on a checkpoint and a list of
/// prompts; every configuration starts from the same noise.
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

  private static final double MOST_DECIBELS = 100; // of equal videos, which have no finite figure

  private final String checkpoint;
  private final List<String> prompts;
  private final Consumer<List<Measurement>> found;
  private final Consumer<String> log;
  private final Map<String, List<Outcome>> truths = new LinkedHashMap<>();

  /// What one configuration made of one prompt.
  private record Outcome(Latents latents, Tensor video, double seconds, int forwards) {}

  private QualityBenchmark(
      String checkpoint,
      List<String> prompts,
      Consumer<List<Measurement>> found,
      Consumer<String> log) {
    this.checkpoint = checkpoint;
    this.prompts = prompts;
    this.found = found;
    this.log = log;
  }

  /// Measures configurations with the first prompts of a list and tells the results of each as soon
  /// as they are there, and a line on each to `log`. Those with equal options share an engine, so
  /// the order is that of the engines' first use; a truth stands before what is compared with it.
  ///
  /// @param checkpoint what the results call the checkpoint
  public static void run(
      String checkpoint,
      List<String> prompts,
      List<QualityConfiguration> configurations,
      Consumer<List<Measurement>> found,
      Consumer<String> log) {
    Map<EngineOptions, List<QualityConfiguration>> engines = new LinkedHashMap<>();
    configurations.forEach(
        c -> engines.computeIfAbsent(c.options(), _ -> new ArrayList<>()).add(c));
    QualityBenchmark benchmark = new QualityBenchmark(checkpoint, prompts, found, log);
    engines.forEach(benchmark::measure);
  }

  private void measure(EngineOptions options, List<QualityConfiguration> configurations) {
    try (VideoEngine engine = VideoEngine.open(options)) {
      for (QualityConfiguration configuration : configurations) {
        long start = System.nanoTime();
        measure(engine, configuration);
        log.accept(
            String.format(
                Locale.ROOT,
                "%5.1f s: %s",
                (System.nanoTime() - start) / 1e9,
                configuration.name()));
      }
    }
  }

  private void measure(VideoEngine engine, QualityConfiguration configuration) {
    List<Outcome> made = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      VideoRequest request = configuration.requests().of(engine.task(), prompts.get(i), i + 1L);
      made.add(outcome(engine, request));
    }
    Map<String, Object> parameters = parameters(engine.task(), configuration);
    List<Measurement> results = new ArrayList<>();
    if (configuration.isTruth()) {
      truths.put(configuration.name(), made);
    } else {
      results.addAll(compare(parameters, truth(configuration), made));
    }
    results.add(
        of(parameters, "denoising", "s", made.stream().mapToDouble(Outcome::seconds).toArray()));
    results.add(
        of(
            parameters,
            "forwards computed",
            "",
            made.stream().mapToDouble(Outcome::forwards).toArray()));
    found.accept(results);
  }

  private List<Outcome> truth(QualityConfiguration configuration) {
    List<Outcome> truth = truths.get(configuration.against());
    if (truth == null) {
      throw new IllegalArgumentException(
          "%s comes before %s, with which it is compared"
              .formatted(configuration.name(), configuration.against()));
    }
    return truth;
  }

  private static Outcome outcome(VideoEngine engine, VideoRequest request) {
    Denoising denoising = new Denoising(request.sampling());
    Latents latents = engine.sample(request, denoising);
    FrameBuffer video = new FrameBuffer();
    engine.decode(request, latents, video, Progress.NONE);
    return new Outcome(latents, video.frames(), denoising.seconds, denoising.forwards);
  }

  private Map<String, Object> parameters(Task task, QualityConfiguration configuration) {
    VideoRequest request = configuration.requests().of(task, prompts.getFirst(), 1);
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("checkpoint", checkpoint);
    parameters.put("task", task.spelling());
    parameters.put("prompts", prompts.size());
    parameters.put("size", request.size().sides());
    parameters.put("frames", request.size().frames());
    parameters.put("steps", request.sampling().steps());
    parameters.put("flags", configuration.name());
    if (!configuration.isTruth()) {
      parameters.put("against", configuration.against());
    }
    return parameters;
  }

  private static List<Measurement> compare(
      Map<String, Object> parameters, List<Outcome> truth, List<Outcome> made) {
    double[] psnr = new double[made.size()];
    double[] ssim = new double[made.size()];
    double[] latents = new double[made.size()];
    for (int i = 0; i < made.size(); i++) {
      VideoMetrics metrics = VideoMetrics.compare(made.get(i).video(), truth.get(i).video());
      psnr[i] = Math.min(metrics.psnr(), MOST_DECIBELS);
      ssim[i] = metrics.ssim();
      latents[i] =
          Comparison.relativeError(
              made.get(i).latents().values().toFloats(),
              truth.get(i).latents().values().toFloats());
    }
    return List.of(
        of(parameters, "PSNR", "dB", psnr),
        of(parameters, "SSIM", "", ssim),
        of(parameters, "relative L2 of latents", "", latents));
  }

  private static Measurement of(
      Map<String, Object> parameters, String metric, String unit, double[] values) {
    return Measurement.of("quality", parameters, metric, unit, values);
  }

  /// Times the sampling loop of a request and counts the forwards that it computes.
  private static final class Denoising implements Progress {
    private final Sampling sampling;
    private double seconds;
    private int forwards;

    Denoising(Sampling sampling) {
      this.sampling = sampling;
    }

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {
      if (stage.equals("denoise")) {
        seconds += time.toNanos() / 1e9;
      }
    }

    @Override
    public void stepped(Step step) {
      double guidance =
          step.expert().equals("high-noise") ? sampling.highGuidance() : sampling.lowGuidance();
      forwards += (guidance == 1 ? 1 : 2) - step.skipped();
    }
  }
}
