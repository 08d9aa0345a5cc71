package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import wan4j.MemoryNeed;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.StepTimes;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.UmT5Sizes;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.StepCache;
import wan4j.media.Picture;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.FrameDecoder;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.TextToVideo;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// A whole request with random weights: text, conditioning, all steps with guidance, decoding to
/// bytes in host memory. A run on shapes alone comes first: it gives the memory to reserve and the
/// estimate to compare with.
public final class GenerateBenchmark {
  private static final double GIGA = 1e9;

  private final Workbench bench;
  private final Ops ops;
  private final RequestSettings settings;
  private final Map<String, Object> parameters;
  private final Consumer<Measurement> found;
  private final Consumer<String> log;
  private double total; // seconds of what a request waits for

  private GenerateBenchmark(
      Workbench bench,
      Ops ops,
      RequestSettings settings,
      Consumer<Measurement> found,
      Consumer<String> log) {
    this.bench = bench;
    this.ops = ops;
    this.settings = settings;
    this.found = found;
    this.log = log;
    parameters = bench.parameters(settings.task(), 1);
    settings.addTo(parameters);
  }

  /// Measures one request; `found` receives each figure as soon as it is known, `log` a line for
  /// each stage and step.
  public static void run(
      Workbench bench,
      RequestSettings settings,
      Consumer<Measurement> found,
      Consumer<String> log) {
    ModelShapes.tokens(settings.task(), settings.size());
    MemoryNeed need = need(bench, settings);
    log.accept(
        String.format(
            Locale.ROOT,
            "estimate: %.2f GB, of which networks %.2f and tensors %.2f",
            need.bytes() / GIGA,
            need.weights() / GIGA,
            need.scopes() / GIGA));
    bench.reserve(need);
    GenerateBenchmark request = new GenerateBenchmark(bench, bench.ops(), settings, found, log);
    request.gigabytes("estimated memory", need.bytes()); // a run that is broken off has told it
    request.generate(settings.measured());
    request.finish();
  }

  /// Returns the memory that a request needs, from a run on shapes alone.
  static MemoryNeed need(Workbench bench, RequestSettings settings) {
    try (NullOps shapes = bench.shapes()) {
      new GenerateBenchmark(bench, shapes, settings, _ -> {}, _ -> {})
          .generate(Math.min(settings.measured(), SamplingPlan.ENOUGH_STEPS));
      return bench.need(shapes);
    }
  }

  private void generate(int steps) {
    Task task = settings.task();
    TransformerConfig config = RandomWeights.config(task, settings.layers());
    Task.Defaults defaults = task.defaults();
    List<Expert> names =
        task == Task.TI2V_5B
            ? List.of(Expert.SINGLE)
            : List.of(Expert.HIGH_NOISE, Expert.LOW_NOISE);
    try (TextEncoder encoder =
            making("umT5", () -> new TextEncoder(RandomWeights.umT5(UmT5Sizes.LAYERS)));
        Experts experts =
            new Experts(
                config, names, defaults.boundary(), false, expert -> expert(config, expert));
        VideoAutoencoder vae = making("VAE", () -> AutoencoderBenchmark.open(task, ops));
        var _ = ops.scope()) {
      Prompts prompts = stage("text", () -> new Prompts(encoder.states(), encoder.states()));
      if (settings.parksText()) {
        encoder.park();
      }
      making("experts", () -> names.stream().map(experts::get).toList());
      VideoSize size = settings.size();
      Shape shape = vae.latents(size.frames(), size.height(), size.width());
      Conditioning conditioning = stage("conditioning", () -> conditioning(vae, size, shape));
      SamplingPlan plan =
          new SamplingPlan(
              Sampler.of("unipc"),
              steps,
              defaults.shift(),
              defaults.lowGuidance(),
              defaults.highGuidance());
      Tensor noise = stage("noise", () -> Noise.of(Noise.Kind.of("cuda"), 1).randn(shape));
      StepTimes times = new StepTimes(ops, log);
      Tensor latents =
          stage(
              settings.measured() < settings.steps()
                  ? "denoise, %d steps".formatted(steps)
                  : "denoise",
              () ->
                  new Denoiser(ops, experts)
                      .run(plan, noise, prompts, conditioning, cache(plan, config), times));
      times.measurements(parameters).forEach(found);
      total += (settings.steps() - steps) * times.medianStep();
      decode(vae, latents);
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

  /// The text encoder, which leaves memory once: early, or with the request.
  private final class TextEncoder implements AutoCloseable {
    private UmT5Encoder network; // null once it has left

    TextEncoder(Weights weights) {
      network = new UmT5Encoder(weights, ops);
    }

    Tensor states() {
      try (var _ = ops.scope()) {
        return ops.download(network.encode(TextBenchmark.ids(UmT5Sizes.TOKENS), UmT5Sizes.TOKENS));
      }
    }

    void park() {
      if (network != null) {
        network.close();
        network = null;
      }
    }

    @Override
    public void close() {
      park();
    }
  }

  private Conditioning conditioning(VideoAutoencoder vae, VideoSize size, Shape shape) {
    if (settings.task() != Task.I2V_A14B) {
      return TextToVideo.prepare(ops, shape);
    }
    byte[] pixels = new byte[3 * size.width() * size.height()];
    new java.util.Random(1).nextBytes(pixels);
    return ImageToVideo.prepare(ops, vae, new Picture(size.width(), size.height(), pixels), shape);
  }

  private IntFunction<StepCache> cache(SamplingPlan plan, TransformerConfig config) {
    if (settings.cache() == null) {
      return _ -> StepCache.NONE;
    }
    Task task = settings.task();
    double boundary = task.defaults().boundary();
    boolean hasImage = task == Task.I2V_A14B;
    MagCacheSchedule schedule =
        settings.cache().schedule(task, hasImage, plan.steps(), plan.shift(), boundary);
    return tokens -> new MagCache(ops, schedule, tokens, config.dim());
  }

  /// Decodes as a request does, with the time of the copies to the host apart.
  private void decode(VideoAutoencoder vae, Tensor latents) {
    Tensor frames = FrameDecoder.room(vae, latents);
    DoubleAdder copying = new DoubleAdder();
    double all =
        seconds(() ->
            FrameDecoder.bytes(ops, vae, latents, frames, copy -> copying.add(seconds(copy))));
    tell("decode", all - copying.sum());
    tell("frames to host", copying.sum());
    total += all;
  }

  /// A stage before any request: what keeps networks in memory does once.
  private <T> T making(String network, Supplier<T> work) {
    List<T> made = new ArrayList<>();
    tell("make " + network, seconds(() -> made.add(work.get())));
    return made.getFirst();
  }

  private <T> T stage(String name, Supplier<T> work) {
    List<T> made = new ArrayList<>();
    double seconds = seconds(() -> made.add(work.get()));
    tell(name, seconds);
    total += seconds;
    return made.getFirst();
  }

  private double seconds(Runnable work) {
    ops.synchronize();
    long start = System.nanoTime();
    work.run();
    ops.synchronize();
    return (System.nanoTime() - start) / 1e9;
  }

  private void tell(String metric, double seconds) {
    log.accept(String.format(Locale.ROOT, "%s: %.2f s", metric, seconds));
    found.accept(Measurement.of("generate", parameters, metric, "s", seconds));
  }

  private void finish() {
    tell(
        settings.measured() < settings.steps()
            ? "total, extrapolated from %d of %d steps"
                .formatted(settings.measured(), settings.steps())
            : "total",
        total);
    found.accept(bench.peak("generate", parameters));
    if (bench.driverPeakBytes() > 0) {
      gigabytes("driver memory", bench.driverPeakBytes());
    }
  }

  private void gigabytes(String metric, long bytes) {
    found.accept(Measurement.of("generate", parameters, metric, "GB", bytes / GIGA));
  }
}
