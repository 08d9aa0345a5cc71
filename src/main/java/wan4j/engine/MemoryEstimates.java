package wan4j.engine;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import wan4j.CacheSettings;
import wan4j.ClipPlan;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.MemoryNeed;
import wan4j.Source;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.CharacterVideos;
import wan4j.ops.SavedState;
import wan4j.ops.plan.NullOps;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseListener;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.RunRecord;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The memory that requests need, on the first rank where there are several, found out by taking
/// each through its course on shapes alone: names and shapes are all that is read of the
/// checkpoint, no noise is drawn, and what is found is remembered by all that it depends on.
public final class MemoryEstimates {
  private final EngineOptions options;
  private final OpenCheckpoint model;
  private final Map<Key, MemoryNeed> known = new HashMap<>();

  /// What a need depends on; of text, the tokens of the prompts count.
  ///
  /// @param source the numbers of what the video is made from, such as a picture's width and height
  /// @param clips 1, or 2 where there are more
  /// @param latents of decoding alone, or null for a whole request
  private record Key(
      List<Integer> source,
      VideoSize size,
      List<Integer> words,
      int clips,
      int overlap,
      SamplingPlan plan,
      CacheSettings cache,
      List<LoraFile> loras,
      Shape latents,
      boolean offloads,
      Shards shards,
      long piece) {}

  /// Creates estimates for a checkpoint on the device of `options`.
  public MemoryEstimates(EngineOptions options, OpenCheckpoint model) {
    this.options = options;
    this.model = model;
  }

  /// Returns what a request needs whose networks leave memory or stay, and whose video is cut into
  /// pieces of so many pixels; throws `InputException` when it does not fit the checkpoint.
  public MemoryNeed of(VideoRequest request, boolean offloads, long piece) {
    return of(request, offloads, Shards.choices(options).getFirst(), piece);
  }

  /// Returns the same for ranks that divide weights.
  public MemoryNeed of(VideoRequest request, boolean offloads, Shards shards, long piece) {
    try (LoraFiles merged = LoraFiles.merged(options, model.checkpoint());
        LoraFiles beside = LoraFiles.beside(options, request.loras(), model.checkpoint())) {
      return of(request, merged, beside, new MemoryPlan(offloads, shards, piece, null));
    }
  }

  /// Returns the same with LoRA files that are open already.
  MemoryNeed of(VideoRequest request, LoraFiles merged, LoraFiles beside, MemoryPlan plan) {
    return remembered(
        key(request, beside, null, plan),
        merged,
        beside,
        (networks, run) -> {
          SamplingPlan sampling =
              SamplingPlans.of(request.sampling()).shortened(networks.experts());
          RequestCache cache = networks.cache(request, sampling);
          run.run(
              new CourseRun.Wanted(
                  request.prompts(),
                  Courses.negativePrompt(model.task(), request),
                  sampling,
                  (_, shape) -> unread(shape),
                  cache),
              _ -> {});
        },
        request);
  }

  /// Returns what decoding a request's latents `[channels, frames, height, width]` alone needs.
  public MemoryNeed ofDecoding(VideoRequest request, Shape latents, long piece) {
    try (LoraFiles none = new LoraFiles(List.of(), model.checkpoint())) {
      return ofDecoding(request, latents, none, none, piece);
    }
  }

  /// Returns the same with LoRA files that are open already.
  MemoryNeed ofDecoding(
      VideoRequest request, Shape latents, LoraFiles merged, LoraFiles beside, long piece) {
    return remembered(
        key(request, beside, latents, new MemoryPlan(true, Shards.NONE, piece, null)),
        merged,
        beside,
        (_, run) -> run.decode(new Sampled(latents), _ -> {}),
        request);
  }

  /// A run whose clips are all sampled, to latents of a shape.
  private record Sampled(Shape shape) implements RunRecord {
    @Override
    public Tensor latents(int clip) {
      return unread(shape);
    }

    @Override
    public SavedState state(int clip) {
      return null;
    }

    @Override
    public void stepped(int clip, StepListener.Outcome outcome, boolean isLast) {}

    @Override
    public void sampled(int clip, Tensor latents) {}
  }

  /// A part of a request that is tried.
  private interface Trial {
    void run(Networks networks, CourseRun run);
  }

  private MemoryNeed remembered(
      Key key, LoraFiles merged, LoraFiles beside, Trial trial, VideoRequest request) {
    MemoryNeed found = known.get(key);
    if (found == null) {
      found = tried(key, merged, beside, trial, Courses.of(model.task(), shortened(request)));
      known.put(key, found);
    }
    return found;
  }

  /// Returns a request of as many clips as need the memory of them all: the first and one more.
  private static VideoRequest shortened(VideoRequest request) {
    ClipPlan clips = request.clips();
    return switch (request.source()) {
      case Source.Text _, Source.Image _ ->
          clips.count() > 2 ? request.with(new ClipPlan(2, clips.overlap(), List.of())) : request;
      case Source.Speech speech -> request.with(speech.ofAtMost(2));
      case Source.Animation character ->
          request.with(character.ofAtMost(2, request.size().frames()));
    };
  }

  private MemoryNeed tried(
      Key key, LoraFiles merged, LoraFiles beside, Trial trial, Course course) {
    try (NullOps shapes = Backends.shapes(options.device(), options.arithmetic());
        NullOps processors = new NullOps();
        Networks networks =
            Networks.onShapes(
                options,
                model,
                shapes,
                options.textOnCpu() ? processors : shapes,
                merged,
                beside)) {
      networks.link(RankLinks.imagined(options.ranks()));
      networks.divide(
          RankTeam.layout(options.ranks(), model.config().heads(), key.plan.isGuided()));
      networks.follow(new MemoryPlan(key.offloads, key.shards, key.piece, null));
      trial.run(networks, new CourseRun(course, networks, CourseListener.NONE));
      return Backends.need(shapes, options.device(), true);
    }
  }

  private Key key(VideoRequest request, LoraFiles beside, Shape latents, MemoryPlan plan) {
    List<Integer> source =
        switch (request.source()) {
          case Source.Text _ -> List.of();
          case Source.Image image -> List.of(image.picture().width(), image.picture().height());
          case Source.Speech speech ->
              List.of(
                  speech.picture().width(),
                  speech.picture().height(),
                  speech.sound().length(),
                  speech.sound().rate(),
                  speech.poses() == null ? 0 : 1,
                  speech.clips().frames(),
                  speech.clips().most(),
                  speech.clips().startsFromPicture() ? 1 : 0);
          case Source.Animation character -> sizes(character);
        };
    return new Key(
        source,
        request.size(),
        Stream.concat(
                request.prompts().stream(),
                Stream.of(Courses.negativePrompt(model.task(), request)))
            .map(this::words)
            .toList(),
        Math.min(2, request.clips().count()),
        request.clips().overlap(),
        SamplingPlans.of(request.sampling()),
        request.cache(),
        beside.choices(),
        latents,
        plan.offloads(),
        plan.shards(),
        plan.piece());
  }

  private static List<Integer> sizes(Source.Animation character) {
    CharacterVideos videos = character.videos();
    return List.of(
        videos.pose().width(),
        videos.pose().height(),
        videos.pose().count(),
        videos.faces().width(),
        videos.mask() == null ? 0 : 1,
        character.overlap());
  }

  private int words(String prompt) {
    return PromptEncoder.ids(model.tokenizer(), prompt, model.config().textLength()).length;
  }

  private static Tensor unread(Shape shape) {
    return Tensor.deferred(
        DType.F32,
        shape,
        () -> {
          throw new IllegalStateException("an estimate reads no elements");
        });
  }
}
