package wan4j;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.StepCache;
import wan4j.engine.Backends;
import wan4j.engine.MagCacheSchedules;
import wan4j.engine.MemoryPlan;
import wan4j.engine.Networks;
import wan4j.engine.Precisions;
import wan4j.engine.SamplingPlans;
import wan4j.engine.StoredFormat;
import wan4j.media.Picture;
import wan4j.media.Sizing;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.ops.plan.NullOps;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.FrameDecoder;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Weights;

/// The front door: a checkpoint on a device, ready to make videos. Networks are loaded when a
/// request first needs them. An engine serves one thread.
public final class VideoEngine implements AutoCloseable {
  private final EngineOptions options;
  private final Networks networks;
  private final Checkpoint checkpoint;
  private final Task task;
  private final Ops ops;
  private boolean isToldWhatIsQuantisedAgain;
  private boolean isReserved;

  private VideoEngine(EngineOptions options, Networks networks) {
    this.options = options;
    this.networks = networks;
    checkpoint = networks.checkpoint();
    task = networks.task();
    ops = networks.ops();
  }

  /// Opens a checkpoint on a device; throws `InputException` when either cannot be used.
  public static VideoEngine open(EngineOptions options) {
    return new VideoEngine(options, Networks.open(options));
  }

  /// Returns what the checkpoint makes video from.
  public Task task() {
    return task;
  }

  /// Returns the recipe in which the transformers run, or `NONE`: where none was named, what the
  /// first one's files say.
  public Quantization.Recipe recipe() {
    return Precisions.recipe(
        options.quantization(), checkpoint.transformer(checkpoint.experts().getFirst()));
  }

  /// Makes a video: samples latents, then decodes them.
  public Video generate(VideoRequest request, Progress progress) {
    return decode(sample(request, progress), progress);
  }

  /// Samples a video's latents; throws `InputException` when the request does not fit the model.
  public Latents sample(VideoRequest request, Progress progress) {
    return sample(request, new StepReporter(progress), progress);
  }

  /// Samples a video's latents and hands them over after each step too, float32 `[channels, frames,
  /// height, width]` in host memory; throws `InputException` when the request does not fit the
  /// model.
  public Latents sample(VideoRequest request, Progress progress, Consumer<Tensor> steps) {
    StepReporter reporter = new StepReporter(progress);
    StepListener listener =
        new StepListener() {
          @Override
          public void begins(int step, Expert expert) {
            reporter.begins(step, expert);
          }

          @Override
          public void ends(Outcome outcome) {
            reporter.ends(outcome);
            steps.accept(ops.download(outcome.sample()));
          }
        };
    return sample(request, listener, progress);
  }

  private Latents sample(VideoRequest request, StepListener listener, Progress progress) {
    check(request);
    SamplingPlan plan = SamplingPlans.of(request.sampling());
    RunCache cache = new RunCache(request, plan);
    tellWhatIsQuantisedAgain(progress);
    networks.choose(request.loras());
    reserveMemory((leaves, at) -> need(options.with(Offload.of(leaves)), request, at), progress);
    Latents latents = networks.using(() -> sample(request, listener, progress, plan, cache));
    cache.finish();
    return latents;
  }

  private Latents sample(
      VideoRequest request,
      StepListener listener,
      Progress progress,
      SamplingPlan plan,
      RunCache cache) {
    networks.adapt();
    Noise noise = SamplingPlans.noise(request.sampling());
    Prompts prompts = progress.timed("text", () -> prompts(request));
    try (var _ = ops.scope()) {
      Shape shape = latentShape(request);
      Conditioning conditioning =
          progress.timed("conditioning", () -> conditioning(request, shape));
      networks.autoencoderIsDone();
      Tensor latents =
          progress.timed(
              "denoise",
              () ->
                  new Denoiser(ops, networks.experts())
                      .run(plan, noise.randn(shape), prompts, conditioning, cache, listener));
      networks.expertsAreDone();
      return new Latents(latents);
    }
  }

  /// Decodes latents to frames; throws `InputException` when they are not this model's.
  public Video decode(Latents latents, Progress progress) {
    if (!isReserved) { // these latents are an earlier run's
      reserveMemory((_, at) -> needToDecode(options, latents, at), progress);
    }
    return networks.using(() -> decoded(latents, progress));
  }

  private Video decoded(Latents latents, Progress progress) {
    VideoAutoencoder vae = networks.autoencoder();
    Shape shape = latents.values().shape();
    if (shape.rank() != 4 || shape.size(0) != vae.channels()) {
      throw new InputException(
          "the latents have shape %s; expected [%d, frames, height, width]: resume with the checkpoint that made them"
              .formatted(shape, vae.channels()));
    }
    if (!latents.values().isFinite()) {
      throw new InputException(
          "the latents hold NaN or infinity; expected finite numbers: sample them again");
    }
    Tensor frames = progress.timed("decode", () -> FrameDecoder.bytes(ops, vae, latents.values()));
    networks.autoencoderIsDone();
    return new Video(frames, task.defaults().framesPerSecond());
  }

  /// Returns the largest number of bytes that were in use on the device at once.
  public long peakBytes() {
    return ops.peakBytes();
  }

  /// Returns the memory that a request would need on the device of `options`, its video cut into
  /// the usual pieces.
  public static MemoryNeed need(EngineOptions options, VideoRequest request) {
    return need(options, request, VideoAutoencoder.USUAL_PIECE);
  }

  /// Returns the memory that a request would need, its video cut into pieces of so many pixels.
  static MemoryNeed need(EngineOptions options, VideoRequest request, long piece) {
    try (NullOps shapes = Backends.shapes(options.device(), options.arithmetic());
        NullOps processors = new NullOps();
        Networks networks =
            Networks.over(options, shapes, options.textOnCpu() ? processors : shapes)) {
      networks.cutInto(piece);
      VideoEngine engine = new VideoEngine(options, networks);
      engine.check(request);
      SamplingPlan plan = SamplingPlans.of(request.sampling()).shortened(networks.experts());
      VideoRequest few = request.withSteps(plan.steps());
      RunCache cache = engine.new RunCache(few, plan);
      networks.choose(few.loras());
      engine.decode(
          engine.sample(few, StepListener.NONE, Progress.NONE, plan, cache), Progress.NONE);
      return Backends.need(shapes, options.device(), true);
    }
  }

  /// Returns the memory that decoding alone would need, cut into pieces of so many pixels.
  static MemoryNeed needToDecode(EngineOptions options, Latents latents, long piece) {
    try (NullOps shapes = Backends.shapes(options.device(), options.arithmetic());
        Networks networks = Networks.over(options, shapes, shapes)) {
      networks.cutInto(piece);
      new VideoEngine(options, networks).decoded(latents, Progress.NONE);
      return Backends.need(shapes, options.device(), true);
    }
  }

  private void check(VideoRequest request) {
    boolean needsImage = task == Task.I2V_A14B;
    if (needsImage && request.image() == null) {
      throw new InputException(
          "task %s got no image; give one with --image".formatted(task.spelling()));
    }
    if (task == Task.T2V_A14B && request.image() != null) {
      throw new InputException(
          "task %s got an image, which it cannot use; use a checkpoint of i2v-A14B or ti2v-5B"
              .formatted(task.spelling()));
    }
    if (request.image() == null) {
      task.requireSides(request.size());
    }
  }

  /// Tells once which weights lose accuracy by being quantised a second time.
  private void tellWhatIsQuantisedAgain(Progress progress) {
    if (isToldWhatIsQuantisedAgain) {
      return;
    }
    isToldWhatIsQuantisedAgain = true;
    for (Expert expert : checkpoint.experts()) {
      Weights weights = checkpoint.transformer(expert);
      StoredFormat stored = StoredFormat.of(weights);
      int again =
          stored.quantisedAgain(
              networks.experts().config(),
              weights,
              Precisions.table(options.quantization(), weights));
      if (again > 0) {
        progress.says(
            "%s: %,d weights that are stored in FP8 as %s are quantised again as %s"
                .formatted(
                    expert.description(),
                    again,
                    stored.recipe().spelling(),
                    Precisions.recipe(options.quantization(), weights).spelling()));
      }
    }
  }

  /// Reserves the memory of work, found out on shapes alone before anything is loaded, planned so
  /// that it fits; throws `InputException` with the numbers when it does not fit the device at all.
  private void reserveMemory(MemoryPlan.Needs needs, Progress progress) {
    if (Backends.reserves(ops)) {
      long available = Backends.availableBytes(ops);
      MemoryPlan chosen = MemoryPlan.fitting(available, options.offload(), needs);
      networks.follow(chosen);
      if (options.offload() == Offload.WHERE_NEEDED) {
        progress.says(chosen.sentence(available));
      }
      if (chosen.isCutSmaller()) {
        progress.says(
            "memory is short, so the autoencoder works in smaller pieces than usual: the last bits"
                + " of the video may be others than with more of it");
      }
      Backends.reserve(ops, chosen.need());
      isReserved = true;
    }
  }

  private Prompts prompts(VideoRequest request) {
    PromptEncoder encoder = networks.promptEncoder();
    String negative =
        request.negativePrompt().isEmpty() ? Task.NEGATIVE_PROMPT : request.negativePrompt();
    Tensor positive = encoder.encode(request.prompt());
    Prompts prompts =
        new Prompts(positive, request.sampling().isGuided() ? encoder.encode(negative) : positive);
    networks.textIsDone();
    return prompts;
  }

  private Shape latentShape(VideoRequest request) {
    VideoAutoencoder vae = networks.autoencoder();
    Picture image = request.image();
    VideoSize wanted = request.size();
    if (image != null && task == Task.I2V_A14B) {
      return ImageToVideo.latents(vae, image, wanted.area(), wanted.frames());
    }
    Sizing.Size size =
        image == null
            ? new Sizing.Size(wanted.width(), wanted.height())
            : TextImageToVideo.size(vae, image, wanted.area());
    return vae.latents(wanted.frames(), size.height(), size.width());
  }

  private Conditioning conditioning(VideoRequest request, Shape shape) {
    Picture image = request.image();
    if (image == null) {
      return TextToVideo.prepare(ops, shape);
    }
    return task == Task.I2V_A14B
        ? ImageToVideo.prepare(ops, networks.autoencoder(), image, shape)
        : TextImageToVideo.prepare(ops, networks.autoencoder(), image, shape);
  }

  /// Frees the networks and closes the checkpoint's files.
  @Override
  public void close() {
    networks.close();
  }

  /// The cache that a request asks for, made when the number of tokens is known.
  private final class RunCache implements IntFunction<StepCache> {
    private final VideoRequest request;
    private final MagCacheSchedule schedule; // null without MagCache
    private MagCacheCalibration calibration;

    RunCache(VideoRequest request, SamplingPlan plan) {
      this.request = request;
      schedule =
          request.cache() instanceof CacheSettings.MagCache settings
              ? MagCacheSchedules.of(
                  settings, task, request.image() != null, plan, networks.experts().boundary())
              : null;
    }

    @Override
    public StepCache apply(int tokens) {
      int dim = networks.experts().config().dim();
      return switch (request.cache()) {
        case CacheSettings.Off _ -> StepCache.NONE;
        case CacheSettings.MagCache _ -> new MagCache(ops, schedule, tokens, dim);
        case CacheSettings.Calibration _ -> {
          calibration = new MagCacheCalibration(ops, tokens, dim);
          yield calibration;
        }
      };
    }

    void finish() {
      if (calibration != null && request.cache() instanceof CacheSettings.Calibration target) {
        calibration.write(target.target(), task.spelling());
      }
    }
  }

  /// Passes the loop's steps on, with their times.
  private static final class StepReporter implements StepListener {
    private final Progress progress;
    private long began;

    StepReporter(Progress progress) {
      this.progress = progress;
    }

    @Override
    public void begins(int step, Expert expert) {
      began = System.nanoTime();
    }

    @Override
    public void ends(Outcome outcome) {
      progress.stepped(
          new Progress.Step(
              outcome.step() + 1,
              outcome.steps(),
              outcome.expert().name().toLowerCase(java.util.Locale.ROOT).replace('_', '-'),
              outcome.skipped(),
              Duration.ofNanos(System.nanoTime() - began)));
    }
  }
}
