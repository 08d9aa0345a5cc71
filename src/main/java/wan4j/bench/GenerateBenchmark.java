package wan4j.bench;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import wan4j.Task;
import wan4j.cache.StepCache;
import wan4j.media.Picture;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.FrameDecoder;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.LatentGrid;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.pipeline.TextToVideo;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// A whole request with random weights: text, conditioning, all steps with guidance, decoding to
/// bytes in host memory; all networks stay in memory.
public final class GenerateBenchmark {
  private static final int WORDS = 512;

  private final Workbench bench;
  private final Ops ops;
  private final Task task;
  private final Map<String, Double> stages = new LinkedHashMap<>();
  private final Map<Expert, List<Double>> steps = new EnumMap<>(Expert.class);

  private GenerateBenchmark(Workbench bench, Task task) {
    this.bench = bench;
    this.ops = bench.ops();
    this.task = task;
  }

  /// Measures one request of so many steps, of which `measured` are run; the time of the others is
  /// extrapolated from the median step.
  public static List<Measurement> run(
      Workbench bench, Task task, VideoSize size, int steps, int measured) {
    if (measured < 1 || measured > steps) {
      throw new InputException(
          "got %d steps and %d measured ones; give 1 or more and at most all"
              .formatted(steps, measured));
    }
    TokenGrid.of(task, size);
    GenerateBenchmark request = new GenerateBenchmark(bench, task);
    request.generate(size, measured);
    return request.results(size, steps, measured);
  }

  private void generate(VideoSize size, int measured) {
    int layers = RandomWeights.layers(task);
    TransformerConfig config = RandomWeights.config(task, layers);
    Task.Defaults defaults = task.defaults();
    List<Expert> names =
        task == Task.TI2V_5B
            ? List.of(Expert.SINGLE)
            : List.of(Expert.HIGH_NOISE, Expert.LOW_NOISE);
    Experts experts =
        new Experts(config, names, defaults.boundary(), false, expert -> expert(config, expert));
    try (experts;
        UmT5Encoder encoder =
            stage("make umT5", () -> new UmT5Encoder(RandomWeights.umT5(24), ops));
        VideoAutoencoder vae = stage("make VAE", () -> AutoencoderBenchmark.open(task, ops));
        var _ = ops.scope()) {
      stage("make experts", () -> names.stream().map(experts::get).toList());
      Prompts prompts = stage("text", () -> new Prompts(states(encoder), states(encoder)));
      Shape shape =
          LatentGrid.of(vae.channels(), vae.stride(), size.frames(), size.width(), size.height());
      Conditioning conditioning = stage("conditioning", () -> conditioning(vae, size, shape));
      SamplingPlan plan =
          new SamplingPlan(
              Sampler.of("unipc"),
              measured,
              defaults.shift(),
              defaults.lowGuidance(),
              defaults.highGuidance());
      Tensor noise = stage("noise", () -> Noise.of(Noise.Kind.of("cuda"), 1).randn(shape));
      Tensor latents =
          stage(
              "denoise",
              () ->
                  new Denoiser(ops, experts)
                      .run(plan, noise, prompts, conditioning, _ -> StepCache.NONE, new Steps()));
      stage("decode", () -> FrameDecoder.bytes(ops, vae, latents));
    }
  }

  private WanTransformer expert(TransformerConfig config, Expert expert) {
    long seed = expert == Expert.LOW_NOISE ? 7 : 6;
    return new WanTransformer(
        config,
        RandomWeights.transformer(config, seed),
        ops,
        SequenceGroup.SOLO,
        bench.precisions());
  }

  private Tensor states(UmT5Encoder encoder) {
    try (var _ = ops.scope()) {
      return ops.download(encoder.encode(TextBenchmark.ids(WORDS), WORDS));
    }
  }

  private Conditioning conditioning(VideoAutoencoder vae, VideoSize size, Shape shape) {
    if (task != Task.I2V_A14B) {
      return TextToVideo.prepare(ops, shape);
    }
    byte[] pixels = new byte[3 * size.width() * size.height()];
    new java.util.Random(1).nextBytes(pixels);
    return ImageToVideo.prepare(ops, vae, new Picture(size.width(), size.height(), pixels), shape);
  }

  private <T> T stage(String name, Supplier<T> work) {
    ops.synchronize();
    long start = System.nanoTime();
    T result = work.get();
    ops.synchronize();
    stages.put(name, (System.nanoTime() - start) / 1e9);
    return result;
  }

  private List<Measurement> results(VideoSize size, int all, int measured) {
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", task.spelling());
    parameters.put("share", 1);
    parameters.put("size", size.text());
    parameters.put("frames", size.frames());
    parameters.put("steps", all);
    parameters.put("steps measured", measured);
    List<Measurement> results = new ArrayList<>();
    stages.forEach((name, seconds) -> {
      String label =
          name.equals("denoise") && measured < all ? "denoise, %d steps".formatted(measured) : name;
      results.add(Measurement.of("generate", parameters, label, "s", seconds));
    });
    double[] each =
        steps.values().stream().flatMap(List::stream).mapToDouble(Double::doubleValue).toArray();
    steps.forEach((expert, times) -> {
      String label = "step of " + expert.name().toLowerCase(java.util.Locale.ROOT);
      double[] values = times.stream().mapToDouble(Double::doubleValue).toArray();
      results.add(Measurement.of("generate", parameters, label, "s", values));
    });
    double rest = (all - measured) * Measurement.of("", Map.of(), "", "", each).median();
    double total = rest;
    for (String name : List.of("text", "conditioning", "noise", "denoise", "decode")) {
      total += stages.get(name);
    }
    String label =
        measured < all
            ? "total, extrapolated from %d of %d steps".formatted(measured, all)
            : "total";
    results.add(Measurement.of("generate", parameters, label, "s", total));
    results.add(bench.peak("generate", parameters));
    return results;
  }

  /// Notes the time of each step.
  private final class Steps implements StepListener {
    private long began;

    @Override
    public void begins(int step, Expert expert) {
      ops.synchronize();
      began = System.nanoTime();
    }

    @Override
    public void ends(Outcome outcome) {
      ops.synchronize();
      steps
          .computeIfAbsent(outcome.expert(), _ -> new ArrayList<>())
          .add((System.nanoTime() - began) / 1e9);
    }
  }
}
