package wan4j;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.StepCache;
import wan4j.media.Picture;
import wan4j.media.Sizing;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.ops.NullOps;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.FrameDecoder;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.LatentGrid;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.text.Tokenizer;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The front door: a checkpoint on a device, ready to make videos. Networks are loaded when a
/// request first needs them. An engine serves one thread.
public final class VideoEngine implements AutoCloseable {
  private static final int PATCH = 2;
  private static final int ENOUGH_STEPS = 4; // both experts run

  private final EngineOptions options;
  private final Checkpoint checkpoint;
  private final Task task;
  private final Tokenizer tokenizer;
  private final Ops ops;
  private final Ops textOps;
  private final Experts experts;
  private final LoraFiles merged;
  private LoraFiles beside;
  private UmT5Encoder textEncoder;
  private VideoAutoencoder autoencoder;
  private long piece = VideoAutoencoder.USUAL_PIECE;
  private boolean offloads;
  private boolean isToldWhatIsQuantisedAgain;

  private VideoEngine(EngineOptions options, Checkpoint checkpoint, Ops ops, Ops textOps) {
    this.options = options;
    this.checkpoint = checkpoint;
    this.ops = ops;
    this.textOps = textOps;
    offloads = options.offload() != Offload.NEVER;
    task = Task.of(checkpoint.kind().task());
    tokenizer = Tokenizer.load(checkpoint.tokenizer());
    TransformerConfig config = checkpoint.config();
    CheckpointCheck.require(checkpoint, config, options.quantization());
    merged = new LoraFiles(isMerging() ? options.loras() : List.of(), checkpoint);
    beside = new LoraFiles(isMerging() ? List.of() : options.loras(), checkpoint);
    experts =
        new Experts(
            config,
            checkpoint.experts(),
            task.defaults().boundary(),
            offloads,
            expert -> transformer(config, expert));
  }

  /// Opens a checkpoint on a device; throws `InputException` when either cannot be used.
  public static VideoEngine open(EngineOptions options) {
    Checkpoint checkpoint = Checkpoint.open(options.checkpoint());
    Ops ops = null;
    try {
      ops = Backends.open(options.device(), options.arithmetic());
      Ops textOps = options.textOnCpu() ? Backends.open(Device.CPU) : ops;
      return new VideoEngine(options, checkpoint, ops, textOps);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      if (ops != null) {
        ops.close();
      }
      throw e;
    }
  }

  /// Opens a checkpoint on backends that the caller closes.
  static VideoEngine over(EngineOptions options, Ops ops, Ops textOps) {
    Checkpoint checkpoint = Checkpoint.open(options.checkpoint());
    try {
      return new VideoEngine(options, checkpoint, ops, textOps);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  private boolean isMerging() {
    return options.loraMode() == LoraMode.MERGE;
  }

  /// Lets the engine's LoRA files and a request's run beside the weights of the networks that are
  /// loaded, unless they do already; throws `InputException` when one does not belong to its
  /// network.
  private void hang(List<LoraFile> requested) {
    List<LoraFile> wanted = new ArrayList<>(isMerging() ? List.of() : options.loras());
    wanted.addAll(requested);
    if (!wanted.equals(beside.choices())) {
      LoraFiles before = beside;
      beside = new LoraFiles(wanted, checkpoint);
      before.close();
      try {
        experts.forEachLoaded(
            (expert, transformer) -> transformer.adapt(beside.applications(expert)));
      } catch (RuntimeException | Error e) {
        experts.close(); // none is left with the files of two requests
        throw e;
      }
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
          stored.quantisedAgain(experts.config(), weights, options.quantization().table(weights));
      if (again > 0) {
        progress.says(
            "%s: %,d weights that are stored in FP8 as %s are quantised again as %s"
                .formatted(
                    expert.description(),
                    again,
                    stored.recipe().spelling(),
                    options.quantization().recipe(weights).spelling()));
      }
    }
  }

  /// Reserves a request's memory, found out on shapes alone before anything is loaded, planned so
  /// that it fits; throws `InputException` with the numbers when it does not fit the device at all.
  private void reserveMemory(VideoRequest request, Progress progress) {
    if (Backends.reserves(ops)) {
      long available = Backends.availableBytes(ops);
      MemoryPlan chosen =
          MemoryPlan.fitting(
              available,
              options.offload(),
              (leaves, at) -> need(options.with(Offload.of(leaves)), request, at));
      piece = chosen.piece();
      offload(chosen.offloads());
      if (autoencoder != null) {
        autoencoder.cutInto(piece);
      }
      if (options.offload() == Offload.WHERE_NEEDED) {
        progress.says(chosen.sentence(available));
      }
      Backends.reserve(ops, chosen.need());
    }
  }

  /// Lets networks leave memory from now on, or stay; what an earlier request kept leaves at once.
  private void offload(boolean leaves) {
    if (leaves && !offloads) {
      experts.close();
      closeAutoencoder();
      closeTextEncoder();
    }
    offloads = leaves;
    experts.keepOnlyOne(leaves);
  }

  /// Returns the memory that a request would need on the device of `options`, its video cut into
  /// the usual pieces.
  public static MemoryNeed need(EngineOptions options, VideoRequest request) {
    return need(options, request, VideoAutoencoder.USUAL_PIECE);
  }

  /// Returns the memory that a request would need, its video cut into pieces of so many pixels.
  static MemoryNeed need(EngineOptions options, VideoRequest request, long piece) {
    VideoRequest few = request.withSteps(Math.min(request.steps(), ENOUGH_STEPS));
    try (NullOps shapes = MemoryNeed.shapes(options.device(), options.arithmetic());
        NullOps processors = new NullOps();
        VideoEngine engine = over(options, shapes, options.textOnCpu() ? processors : shapes)) {
      engine.piece = piece;
      SamplingPlan plan = plan(few);
      RunCache cache = engine.new RunCache(few, plan);
      engine.decode(
          engine.sample(few, StepListener.NONE, Progress.NONE, plan, cache), Progress.NONE);
      return MemoryNeed.of(shapes, options.device(), true);
    }
  }

  /// Returns what the checkpoint makes video from.
  public Task task() {
    return task;
  }

  /// Returns the recipe in which the transformers run, or `NONE`: where none was named, what the
  /// first one's files say.
  public Quantization.Recipe recipe() {
    return options.quantization().recipe(checkpoint.transformer(checkpoint.experts().getFirst()));
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
    SamplingPlan plan = plan(request);
    plan.sampler().schedule(plan.steps(), plan.shift());
    RunCache cache = new RunCache(request, plan);
    tellWhatIsQuantisedAgain(progress);
    reserveMemory(request, progress);
    Latents latents = sample(request, listener, progress, plan, cache);
    cache.finish();
    return latents;
  }

  private static SamplingPlan plan(VideoRequest request) {
    return new SamplingPlan(
        Sampler.of(request.solver()),
        request.steps(),
        request.shift(),
        request.lowGuidance(),
        request.highGuidance());
  }

  private Latents sample(
      VideoRequest request,
      StepListener listener,
      Progress progress,
      SamplingPlan plan,
      RunCache cache) {
    hang(request.loras());
    Noise noise = Noise.of(Noise.Kind.of(request.noise()), request.seed());
    Prompts prompts = timed("text", progress, () -> prompts(request));
    try (var _ = ops.scope()) {
      Shape shape = latentShape(request);
      Conditioning conditioning =
          timed("conditioning", progress, () -> conditioning(request, shape));
      if (offloads) {
        closeAutoencoder();
      }
      Tensor latents =
          timed(
              "denoise",
              progress,
              () ->
                  new Denoiser(ops, experts)
                      .run(plan, noise.randn(shape), prompts, conditioning, cache, listener));
      if (offloads) {
        experts.close();
      }
      return new Latents(latents);
    }
  }

  /// Decodes latents to frames; throws `InputException` when they are not this model's.
  public Video decode(Latents latents, Progress progress) {
    Shape shape = latents.values().shape();
    if (shape.rank() != 4 || shape.size(0) != autoencoder().channels()) {
      throw new InputException(
          "the latents have shape %s; expected [%d, frames, height, width]: resume with the checkpoint that made them"
              .formatted(shape, autoencoder().channels()));
    }
    if (!latents.values().isFinite()) {
      throw new InputException(
          "the latents hold NaN or infinity; expected finite numbers: sample them again");
    }
    Tensor frames =
        timed("decode", progress, () -> FrameDecoder.bytes(ops, autoencoder(), latents.values()));
    if (offloads) {
      closeAutoencoder();
    }
    return new Video(frames, task.defaults().framesPerSecond());
  }

  /// Returns the largest number of bytes that were in use on the device at once.
  public long peakBytes() {
    return ops.peakBytes();
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
    int step = (checkpoint.hasVae22() ? 16 : 8) * PATCH;
    if (request.image() == null && (request.width() % step != 0 || request.height() % step != 0)) {
      throw new InputException(
          "size got %d*%d; the sides of a %s video are multiples of %d: try %d*%d"
              .formatted(
                  request.width(),
                  request.height(),
                  task.spelling(),
                  step,
                  Math.max(1, request.width() / step) * step,
                  Math.max(1, request.height() / step) * step));
    }
  }

  private Prompts prompts(VideoRequest request) {
    if (textEncoder == null) {
      textEncoder = new UmT5Encoder(checkpoint.textEncoder(), textOps);
    }
    PromptEncoder encoder =
        new PromptEncoder(tokenizer, textEncoder, textOps, experts.config().textLength());
    String negative =
        request.negativePrompt().isEmpty() ? Task.NEGATIVE_PROMPT : request.negativePrompt();
    Tensor positive = encoder.encode(request.prompt());
    boolean isGuided = request.lowGuidance() != 1 || request.highGuidance() != 1;
    Prompts prompts = new Prompts(positive, isGuided ? encoder.encode(negative) : positive);
    if (offloads) {
      closeTextEncoder();
    }
    return prompts;
  }

  private Shape latentShape(VideoRequest request) {
    VideoAutoencoder vae = autoencoder();
    Picture image = request.image();
    long area = (long) request.width() * request.height();
    if (image != null && task == Task.I2V_A14B) {
      return ImageToVideo.latents(vae, image, area, request.frames());
    }
    Sizing.Size size =
        image == null
            ? new Sizing.Size(request.width(), request.height())
            : TextImageToVideo.size(image, area);
    return LatentGrid.of(
        vae.channels(), vae.stride(), request.frames(), size.width(), size.height());
  }

  private Conditioning conditioning(VideoRequest request, Shape shape) {
    Picture image = request.image();
    if (image == null) {
      return TextToVideo.prepare(ops, shape);
    }
    return task == Task.I2V_A14B
        ? ImageToVideo.prepare(ops, autoencoder(), image, shape)
        : TextImageToVideo.prepare(ops, autoencoder(), image, shape);
  }

  private WanTransformer transformer(TransformerConfig config, Expert expert) {
    Weights weights = checkpoint.transformer(expert);
    PrecisionTable table = options.quantization().table(weights);
    WanTransformer transformer =
        new WanTransformer(
            config, merged.merged(expert, weights, table), ops, SequenceGroup.SOLO, table);
    transformer.adapt(beside.applications(expert));
    return transformer;
  }

  private VideoAutoencoder autoencoder() {
    if (autoencoder == null) {
      autoencoder =
          checkpoint.hasVae22()
              ? new WanVae22(checkpoint.vae(), ops)
              : new WanVae21(checkpoint.vae(), ops);
      autoencoder.cutInto(piece);
    }
    return autoencoder;
  }

  private void closeAutoencoder() {
    if (autoencoder != null) {
      autoencoder.close();
      autoencoder = null;
    }
  }

  private void closeTextEncoder() {
    if (textEncoder != null) {
      textEncoder.close();
      textEncoder = null;
    }
  }

  private static <T> T timed(String stage, Progress progress, Supplier<T> work) {
    progress.begins(stage);
    long start = System.nanoTime();
    T result = work.get();
    progress.ends(stage, Duration.ofNanos(System.nanoTime() - start));
    return result;
  }

  /// Frees the networks and closes the checkpoint's files.
  @Override
  public void close() {
    experts.close();
    closeAutoencoder();
    closeTextEncoder();
    if (options.textOnCpu()) {
      textOps.close();
    }
    ops.close();
    merged.close();
    beside.close();
    checkpoint.close();
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
              ? settings.schedule(
                  task, request.image() != null, plan.steps(), plan.shift(), experts.boundary())
              : null;
    }

    @Override
    public StepCache apply(int tokens) {
      int dim = experts.config().dim();
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
