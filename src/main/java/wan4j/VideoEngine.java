package wan4j;

import java.util.Objects;
import java.util.function.Consumer;
import wan4j.engine.Backends;
import wan4j.engine.CourseReporter;
import wan4j.engine.Courses;
import wan4j.engine.MemoryEstimates;
import wan4j.engine.MemoryPlan;
import wan4j.engine.Networks;
import wan4j.engine.OpenCheckpoint;
import wan4j.engine.Precisions;
import wan4j.engine.RequestCache;
import wan4j.engine.RequestRemarks;
import wan4j.engine.SamplingPlans;
import wan4j.engine.SavedLatents;
import wan4j.engine.SavedRun;
import wan4j.media.FrameSink;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.pipeline.Clip;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.SamplingPlan;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// The front door: a checkpoint on a device, ready to make videos. Networks are loaded when a
/// request first needs them. An engine serves one thread; only a request's `Progress` may be told
/// by others that it is cancelled, which ends the request with a `CancellationException` and leaves
/// the engine as it was before it.
public final class VideoEngine implements AutoCloseable {
  private final EngineOptions options;
  private final Networks networks;
  private final RequestRemarks remarks;
  private boolean isClosed;
  private Latents planned; // the latents whose decoding the memory that is reserved allows for

  private VideoEngine(EngineOptions options, Networks networks) {
    this.options = options;
    this.networks = networks;
    remarks = new RequestRemarks(networks, options);
  }

  /// Opens a checkpoint on a device; throws `InputException` when either cannot be used.
  public static VideoEngine open(EngineOptions options) {
    Objects.requireNonNull(options, "options");
    return new VideoEngine(options, Networks.open(options));
  }

  /// Returns what the checkpoint makes video from.
  public Task task() {
    requireOpen();
    return networks.task();
  }

  /// Returns the recipe in which the transformers run, or `NONE`: where none was named, what the
  /// first one's files say.
  public Quantization.Recipe recipe() {
    requireOpen();
    Checkpoint checkpoint = networks.checkpoint();
    return Precisions.recipe(
        options.quantization(), checkpoint.transformer(checkpoint.experts().getFirst()));
  }

  /// Makes a video and hands its frames over piece by piece; throws `InputException` when the
  /// request does not fit the model and `CancellationException` when `progress` says that it is
  /// cancelled.
  public void generate(VideoRequest request, FrameSink sink, Progress progress) {
    Objects.requireNonNull(sink, "sink");
    Objects.requireNonNull(progress, "progress");
    CourseReporter reporter = new CourseReporter(progress, _ -> {});
    run(
        request,
        reporter,
        (run, wanted) -> {
          run.run(wanted, sink);
          return null;
        });
  }

  /// Makes a video as [#generate] does, or goes on with one, and keeps what it has made until the
  /// caller deletes it; latents are handed to `steps` after each step, float32 `[channels, frames,
  /// height, width]` in host memory. Throws `InputException` too when what is to go on is of
  /// another request.
  public void generate(
      VideoRequest request,
      Recovery recovery,
      FrameSink sink,
      Progress progress,
      Consumer<Tensor> steps) {
    SavedRun saved = recovery.files();
    CourseReporter reporter = new CourseReporter(progress, steps);
    try {
      saved.begin(
          options,
          SavedLatents.description(options, task(), recipe(), request),
          request.sampling().seed(),
          progress::says);
      Tensor last = saved.latents(Courses.of(task(), request).clips() - 1);
      if (last == null) {
        run(
            request,
            reporter,
            (run, wanted) -> {
              run.run(wanted, saved, sink);
              return null;
            });
      } else {
        decode(request, saved, last, sink, reporter);
      }
    } finally {
      saved.end();
    }
  }

  /// Decodes all clips of a request, which are sampled already.
  private void decode(
      VideoRequest request,
      SavedRun saved,
      Tensor latents,
      FrameSink sink,
      CourseReporter reporter) {
    networks.claim();
    Course course = Courses.of(task(), request);
    reserveMemory(
        (_, piece) -> networks.needToDecode(request, latents.shape(), piece), reporter.progress());
    networks.using(() -> {
      require(latents);
      new CourseRun(course, networks, reporter).decode(saved, sink);
      return null;
    });
  }

  /// Samples a video's latents; throws as [#generate] does.
  public Latents sample(VideoRequest request, Progress progress) {
    return sample(request, progress, _ -> {});
  }

  /// Samples a video's latents and hands them over after each step too, float32 `[channels, frames,
  /// height, width]` in host memory; throws as [#generate] does.
  public Latents sample(VideoRequest request, Progress progress, Consumer<Tensor> steps) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(progress, "progress");
    Objects.requireNonNull(steps, "steps");
    int clips = Courses.of(task(), request).clips();
    if (clips > 1) {
      throw new InputException(
          "the request has %d clips, of which each goes on from the frames before; make it with generate"
              .formatted(clips));
    }
    CourseReporter reporter = new CourseReporter(progress, steps);
    planned =
        run(
            request,
            reporter,
            (run, wanted) -> new Latents(run.sample(wanted, run.prompts(wanted), Clip.FIRST)));
    return planned;
  }

  /// What is done of a request.
  private interface Part<T> {
    T of(CourseRun run, CourseRun.Wanted wanted);
  }

  private <T> T run(VideoRequest request, CourseReporter reporter, Part<T> part) {
    Objects.requireNonNull(request, "request");
    requireOpen();
    networks.claim();
    Course course = Courses.of(task(), request);
    SamplingPlan plan = SamplingPlans.of(request.sampling());
    RequestCache cache = networks.cache(request, plan);
    networks.choose(request.loras());
    remarks.tell(request, reporter.progress()::says);
    reserveMemory((leave, piece) -> networks.need(request, leave, piece), reporter.progress());
    CourseRun.Wanted wanted =
        new CourseRun.Wanted(
            request.prompts(),
            Courses.negativePrompt(task(), request),
            plan,
            SamplingPlans.noise(request.sampling(), course),
            cache);
    T made =
        networks.using(() -> {
          networks.adapt();
          return part.of(new CourseRun(course, networks, reporter), wanted);
        });
    cache.finish();
    return made;
  }

  /// Decodes a request's latents and hands over its frames piece by piece; throws `InputException`
  /// when they are not this model's and `CancellationException` when `progress` says that the
  /// request is cancelled.
  public void decode(VideoRequest request, Latents latents, FrameSink sink, Progress progress) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(latents, "latents");
    Objects.requireNonNull(sink, "sink");
    Objects.requireNonNull(progress, "progress");
    requireOpen();
    networks.claim();
    Course course = Courses.of(task(), request);
    Shape shape = latents.values().shape();
    if (!latents.equals(planned)) { // these latents are an earlier run's
      reserveMemory((_, piece) -> networks.needToDecode(request, shape, piece), progress);
    }
    CourseReporter reporter = new CourseReporter(progress, _ -> {});
    networks.using(() -> {
      require(latents.values());
      new CourseRun(course, networks, reporter).decode(Clip.FIRST, latents.values(), sink);
      return null;
    });
  }

  private void require(Tensor latents) {
    Shape shape = latents.shape();
    VideoAutoencoder vae = networks.autoencoder();
    if (shape.rank() != 4 || shape.size(0) != vae.channels()) {
      throw new InputException(
          "the latents have shape %s; expected [%d, frames, height, width]: resume with the checkpoint that made them"
              .formatted(shape, vae.channels()));
    }
    if (!latents.isFinite()) {
      throw new InputException(
          "the latents hold NaN or infinity; expected finite numbers: sample them again");
    }
  }

  /// Returns the largest number of bytes that were in use on the device at once.
  public long peakBytes() {
    requireOpen();
    return networks.ops().peakBytes();
  }

  /// Returns the memory that a request would need on the device of `options`, its video cut into
  /// the usual pieces.
  public static MemoryNeed need(EngineOptions options, VideoRequest request) {
    Objects.requireNonNull(options, "options");
    Objects.requireNonNull(request, "request");
    try (Checkpoint checkpoint = Checkpoint.open(options.checkpoint())) {
      return new MemoryEstimates(options, new OpenCheckpoint(checkpoint))
          .of(request, options.offload() != Offload.NEVER, VideoAutoencoder.USUAL_PIECE);
    }
  }

  /// Reserves the memory of work, found out on shapes alone before anything is loaded, planned so
  /// that it fits; throws `InputException` with the numbers when it does not fit the device at all.
  private void reserveMemory(MemoryPlan.Needs needs, Progress progress) {
    planned = null;
    Ops ops = networks.ops();
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
    }
  }

  private void requireOpen() {
    if (isClosed) {
      throw new IllegalStateException("the engine is closed; open another one");
    }
  }

  /// Frees the networks and closes the checkpoint's files; a second time does nothing. Afterwards
  /// every other method throws `IllegalStateException`.
  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      networks.close();
    }
  }
}
