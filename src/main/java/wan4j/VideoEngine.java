package wan4j;

import java.util.Objects;
import java.util.function.Consumer;
import wan4j.engine.CourseReporter;
import wan4j.engine.Courses;
import wan4j.engine.MemoryEstimates;
import wan4j.engine.Networks;
import wan4j.engine.OpenCheckpoint;
import wan4j.engine.Precisions;
import wan4j.engine.RankTeam;
import wan4j.engine.RankWork;
import wan4j.engine.RequestCache;
import wan4j.engine.RequestRemarks;
import wan4j.engine.SamplingPlans;
import wan4j.engine.SavedLatents;
import wan4j.engine.SavedRun;
import wan4j.media.FrameSink;
import wan4j.model.VideoAutoencoder;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.Clip;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.RunRecord;
import wan4j.pipeline.SamplingPlan;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// The front door: a checkpoint on a device, ready to make videos. Networks are loaded when a
/// request first needs them. An engine serves one thread; only a request's `Progress` may be told
/// by others that it is cancelled, which ends the request with a `CancellationException` and leaves
/// the engine as it was before it. Where `options` ask for several ranks, a request is the work of
/// all; sinks and progress are called by the calling thread alone.
public final class VideoEngine implements AutoCloseable {
  private final EngineOptions options;
  private final RankTeam team;
  private final Networks networks; // the first rank's
  private final RequestRemarks remarks;
  private boolean isClosed;
  private Latents planned; // the latents whose decoding the memory that is reserved allows for

  private VideoEngine(EngineOptions options, RankTeam team) {
    this.options = options;
    this.team = team;
    networks = team.first();
    remarks = new RequestRemarks(networks, options);
  }

  /// Opens a checkpoint on a device; throws `InputException` when either cannot be used.
  public static VideoEngine open(EngineOptions options) {
    Objects.requireNonNull(options, "options");
    return of(options, RankTeam.open(options));
  }

  /// Makes videos with ranks that are open, which close with the engine.
  static VideoEngine of(EngineOptions options, RankTeam team) {
    return new VideoEngine(options, team);
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
        RunRecord.NONE,
        (run, wanted, record) -> {
          run.run(wanted, record, sink);
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
      requireSame(request);
      Tensor last =
          team.ofFirst(() -> {
            saved.begin(
                options,
                SavedLatents.description(options, task(), recipe(), request),
                request.sampling().seed(),
                progress::says);
            return saved.latents(Courses.of(task(), request).clips() - 1);
          });
      if (last == null) {
        run(
            request,
            reporter,
            saved,
            (run, wanted, record) -> {
              run.run(wanted, record, sink);
              return null;
            });
      } else {
        decode(request, saved, last, sink, reporter);
      }
    } finally {
      saved.end();
    }
  }

  /// Throws `InputException` where the processes of a job were given different requests.
  private void requireSame(VideoRequest request) {
    team.requireSame(() -> SavedLatents.description(options, task(), recipe(), request));
  }

  /// Decodes all clips of a request, which are sampled already.
  private void decode(
      VideoRequest request,
      SavedRun saved,
      Tensor latents,
      FrameSink sink,
      CourseReporter reporter) {
    Course course = Courses.of(task(), request);
    planned = null;
    team.together(rank -> {
      RankWork work = new RankWork(rank, options, reporter);
      work.reserve((_, _, piece) -> rank.needToDecode(request, latents.shape(), piece));
      return rank.using(() -> {
        require(rank, latents);
        work.run(course).decode(work.record(saved), sink);
        return null;
      });
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
            RunRecord.NONE,
            (run, wanted, _) -> new Latents(run.sample(wanted, run.prompts(wanted), Clip.FIRST)));
    return planned;
  }

  /// What is done of a request.
  private interface Part<T> {
    T of(CourseRun run, CourseRun.Wanted wanted, RunRecord record);
  }

  private <T> T run(VideoRequest request, CourseReporter reporter, RunRecord kept, Part<T> part) {
    Objects.requireNonNull(request, "request");
    requireOpen();
    Course course = Courses.of(task(), request);
    SamplingPlan plan = SamplingPlans.of(request.sampling());
    requireMeasurable(request);
    RankLayout layout = team.layout(plan);
    CourseRun.ClipNoise noise = SamplingPlans.noise(request.sampling(), course);
    planned = null;
    return team.together(rank -> {
      RankWork work = new RankWork(rank, options, reporter);
      rank.divide(layout);
      RequestCache cache = rank.cache(request, plan);
      rank.choose(request.loras());
      if (rank.equals(networks)) {
        remarks.tell(request, reporter.progress()::says);
      }
      work.reserve((leave, shards, piece) -> rank.need(request, leave, shards, piece));
      CourseRun.Wanted wanted =
          new CourseRun.Wanted(
              request.prompts(), Courses.negativePrompt(task(), request), plan, noise, cache);
      T made =
          rank.using(() -> {
            rank.adapt();
            return part.of(work.run(course), wanted, work.record(kept));
          });
      cache.finish();
      return made;
    });
  }

  /// Throws `InputException` when ratios are to be measured of tokens that ranks divide.
  private void requireMeasurable(VideoRequest request) {
    if (!options.ranks().isAlone() && request.cache() instanceof CacheSettings.Calibration) {
      throw new InputException(
          "--magcache_calibration was given with %d GPUs, but ratios are measured on one; leave out --gpus and --ulysses_size"
              .formatted(options.ranks().count()));
    }
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
    Course course = Courses.of(task(), request);
    Shape shape = latents.values().shape();
    boolean isPlanned = latents.equals(planned); // else these latents are an earlier run's
    planned = isPlanned ? planned : null;
    CourseReporter reporter = new CourseReporter(progress, _ -> {});
    team.together(rank -> {
      RankWork work = new RankWork(rank, options, reporter);
      if (!isPlanned) {
        work.reserve((_, _, piece) -> rank.needToDecode(request, shape, piece));
      }
      return rank.using(() -> {
        require(rank, latents.values());
        work.run(course).decode(Clip.FIRST, latents.values(), sink);
        return null;
      });
    });
  }

  private static void require(Networks rank, Tensor latents) {
    Shape shape = latents.shape();
    VideoAutoencoder vae = rank.autoencoder();
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

  /// Returns the largest number of bytes that were in use at once on the device, or on that of the
  /// rank that had most.
  public long peakBytes() {
    requireOpen();
    return team.peakBytes();
  }

  /// Returns the memory that a request would need on the device of `options`, or on the first of
  /// several, its video cut into the usual pieces.
  public static MemoryNeed need(EngineOptions options, VideoRequest request) {
    Objects.requireNonNull(options, "options");
    Objects.requireNonNull(request, "request");
    try (Checkpoint checkpoint = Checkpoint.open(options.checkpoint())) {
      return new MemoryEstimates(options, new OpenCheckpoint(checkpoint))
          .of(request, options.offload() != Offload.NEVER, VideoAutoencoder.USUAL_PIECE);
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
      team.close();
    }
  }
}
