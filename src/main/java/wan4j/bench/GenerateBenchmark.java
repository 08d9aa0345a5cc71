package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import wan4j.AttentionSettings.Attention;
import wan4j.MemoryNeed;
import wan4j.Ranks;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.StepTimes;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.Backends;
import wan4j.engine.Courses;
import wan4j.engine.RankLinks;
import wan4j.engine.RankThreads;
import wan4j.engine.RequestCache;
import wan4j.engine.SamplingPlans;
import wan4j.media.CharacterVideos;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.ops.Ops;
import wan4j.ops.plan.NullOps;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseListener;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.SpeechToVideo;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// A whole request with random weights, through the course that every request of its task takes:
/// text, conditioning, all steps with guidance, decoding to bytes in host memory. It is tried on
/// shapes alone first, which tells the memory to reserve and the estimate to compare with.
public final class GenerateBenchmark {
  private static final double GIGA = 1e9;
  private static final int FACE_SIZE = 512;
  private static final int SPEECH_SECONDS = 9; // of two clips, that is 157 frames

  private final Workbench bench;
  private final Ops ops;
  private final RequestSettings settings;
  private final RankLinks links;
  private final Map<String, Object> parameters;
  private final Consumer<Measurement> found;
  private final Consumer<String> log;
  private double total; // seconds of what a request waits for
  private double denoising; // those of them that its steps took
  private double besides; // the others

  private GenerateBenchmark(
      Workbench bench,
      Ops ops,
      RequestSettings settings,
      RankLinks links,
      Consumer<Measurement> found,
      Consumer<String> log) {
    this.bench = bench;
    this.links = links;
    this.ops = ops;
    this.settings = settings;
    this.found = found;
    this.log = log;
    int headSize = RandomWeights.config(settings.task(), 1).headDim();
    Attention attention = bench.settled(settings.attention(), headSize);
    parameters = bench.parameters(settings.task(), 1, attention);
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
    BenchRanks.require(bench.settings().device(), settings.ranks());
    MemoryNeed need = need(bench, settings);
    log.accept(
        String.format(
            Locale.ROOT,
            "estimate: %.2f GB, of which networks %.2f and tensors %.2f",
            need.bytes() / GIGA,
            need.weights() / GIGA,
            need.scopes() / GIGA));
    bench.reserve(need);
    if (settings.ranks().isAlone()) {
      Ops _ = Backends.recording(bench.backend(), settings.recording());
      keepBusy(bench, settings, log);
      measure(bench, settings, RankLinks.imagined(Ranks.ALONE), need, found, log);
      return;
    }
    Ranks ranks = settings.ranks();
    LocalMeeting meeting = new LocalMeeting(ranks.count(), ranks.timeout());
    RankThreads.together(
        meeting,
        rank -> {
          if (rank == 0) {
            ofRank(bench, settings, meeting, rank, need, found, log);
          } else {
            try (Workbench own =
                new Workbench(bench.settings(), BenchRanks.open(bench.settings(), ranks, rank))) {
              own.reserve(need);
              ofRank(own, settings, meeting, rank, need, _ -> {}, _ -> {});
            }
          }
          return rank;
        });
  }

  /// Runs blocks of the transformer as long as the settings say, since a card's clock falls under
  /// load.
  private static void keepBusy(Workbench bench, RequestSettings settings, Consumer<String> log) {
    if (settings.loadSeconds() == 0) {
      return;
    }
    log.accept("keeping the device busy for %d s".formatted(settings.loadSeconds()));
    bench.aside(() ->
        BlockBenchmark.keepBusy(
            bench,
            settings.task(),
            settings.size(),
            settings.attention(),
            Duration.ofSeconds(settings.loadSeconds())));
  }

  private static void ofRank(
      Workbench bench,
      RequestSettings settings,
      Meeting meeting,
      int rank,
      MemoryNeed need,
      Consumer<Measurement> found,
      Consumer<String> log) {
    try (RankLinks links = RankLinks.of(bench.backend(), meeting, rank, settings.ranks())) {
      measure(bench, settings, links, need, found, log);
      meeting.meet(rank, Boolean.class, true); // what is exchanged is there until all are done
    }
  }

  private static void measure(
      Workbench bench,
      RequestSettings settings,
      RankLinks links,
      MemoryNeed need,
      Consumer<Measurement> found,
      Consumer<String> log) {
    GenerateBenchmark request =
        new GenerateBenchmark(bench, bench.ops(), settings, links, found, log);
    request.gigabytes("estimated memory", need.bytes()); // a run that is broken off has told it
    request.generate(settings.measured());
    request.finish();
  }

  /// Returns the memory that a request needs, from a run on shapes alone.
  static MemoryNeed need(Workbench bench, RequestSettings settings) {
    try (NullOps shapes = bench.shapes()) {
      new GenerateBenchmark(
              bench, shapes, settings, RankLinks.imagined(settings.ranks()), _ -> {}, _ -> {})
          .generate(Math.min(settings.measured(), SamplingPlan.ENOUGH_STEPS));
      return bench.need(shapes);
    }
  }

  private void generate(int steps) {
    Task task = settings.task();
    try (RandomNetworks networks = new RandomNetworks(bench, ops, settings, links, this::making);
        var _ = ops.scope()) {
      VideoSize size = settings.size();
      Sampling sampling = Sampling.of(task, 1).withSteps(steps);
      VideoRequest request =
          VideoRequest.of("", size, sampling).with(source(task, size)).withCache(settings.cache());
      SamplingPlan plan = SamplingPlans.of(sampling);
      StepTimes times = new StepTimes(ops, log);
      Course course = Courses.of(task, request);
      CourseRun.Wanted wanted =
          new CourseRun.Wanted(
              request.prompt(),
              request.negativePrompt(),
              plan,
              (clip, shape) -> stage("noise", () -> noise(sampling, course, clip, shape)),
              new RequestCache(ops, request, task, plan, task.defaults().boundary()));
      CRC32 checksum = new CRC32();
      boolean hasElements = !(ops instanceof NullOps) && !(bench.backend() instanceof NullOps);
      new CourseRun(course, networks, new Stages(steps, times))
          .run(
              wanted,
              frames -> {
                if (hasElements) {
                  checksum.update(frames.segment().asByteBuffer());
                }
              });
      times.measurements(parameters).forEach(found);
      if (hasElements) {
        // the same of two requests: they made the same bytes
        found.accept(
            Measurement.of(
                "generate",
                parameters,
                "checksum of the frames",
                "",
                (double) checksum.getValue()));
      }
      besides = total - denoising;
      SamplingPlan whole = SamplingPlans.of(sampling.withSteps(settings.steps()));
      whole
          .stepsOf(networks.experts())
          .forEach((expert, count) -> {
            int rest = count * course.clips() - times.count(expert);
            total += rest * times.medianStep(expert);
          });
    }
  }

  /// Random pixels where a video begins with a picture; two clips of black videos where a character
  /// is animated.
  private static Source source(Task task, VideoSize size) {
    return switch (task) {
      case T2V_A14B, TI2V_5B -> Source.TEXT;
      case I2V_A14B -> new Source.Image(picture(size));
      case S2V_14B -> new Source.Speech(picture(size), noise(), null, Source.Clips.USUAL);
      case ANIMATE_14B ->
          new Source.Animation(
              CharacterVideos.black(size.width(), size.height(), 2 * size.frames() - 1, FACE_SIZE),
              1);
    };
  }

  private static Sound noise() {
    float[] samples = new float[SPEECH_SECONDS * SpeechToVideo.SOUND_RATE];
    Random random = new Random(2);
    for (int i = 0; i < samples.length; i++) {
      samples[i] = random.nextFloat() - 0.5f;
    }
    return Sound.of(SpeechToVideo.SOUND_RATE, samples);
  }

  private static Picture picture(VideoSize size) {
    byte[] pixels = new byte[Math.multiplyExact(3, Math.toIntExact(size.area()))];
    new Random(1).nextBytes(pixels);
    return new Picture(size.width(), size.height(), pixels);
  }

  /// Draws noise, where there is something to draw it for.
  private Tensor noise(Sampling sampling, Course course, int clip, Shape shape) {
    Supplier<Tensor> drawn = () -> SamplingPlans.noise(sampling, course).of(clip, shape);
    return ops instanceof NullOps ? Tensor.deferred(DType.F32, shape, drawn) : drawn.get();
  }

  /// Times the stages of a request, and its steps.
  private final class Stages implements CourseListener {
    private final int steps;
    private final StepTimes times;
    private int clip;

    Stages(int steps, StepTimes times) {
      this.steps = steps;
      this.times = times;
    }

    @Override
    public void clip(int index, int clips) {
      clip = index;
    }

    @Override
    public <T> T stage(String name, Supplier<T> work) {
      boolean isDenoising = name.equals("denoise");
      boolean isPart = isDenoising && settings.measured() < settings.steps();
      String whole = isPart ? "denoise, %d steps".formatted(steps) : name;
      double before = total;
      T made =
          GenerateBenchmark.this.stage(
              clip == 0 ? whole : "%s of clip %d".formatted(whole, clip + 1), work);
      if (isDenoising) {
        denoising += total - before;
      }
      return made;
    }

    @Override
    public void begins(int step, Expert expert) {
      times.begins(step, expert);
    }

    @Override
    public void ends(Outcome outcome) {
      times.ends(outcome);
    }
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
    tell("all but denoising", besides);
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
