package wan4j.verify;

import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;
import wan4j.cache.StepCache;
import wan4j.engine.RankPart;
import wan4j.media.CharacterVideos;
import wan4j.media.FrameBuffer;
import wan4j.media.FrameSource;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.model.CharacterTransformer;
import wan4j.model.ClipVision;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.pipeline.CharacterAnimation;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.pipeline.Clip;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseListener;
import wan4j.pipeline.CourseNetworks;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.Experts;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.RunRanks;
import wan4j.pipeline.SamplingPlan;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// A whole character animation: every clip's conditions, steps and frames.
final class CharacterPipelineCases implements CaseKind {
  private static final double FRAMES_DECIBELS = 35;
  private static final double RATE = 30;
  private static final int SIDE_STEP = 16;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    Path folder = reference.folder().resolve(config.path("checkpoint").asString(""));
    Compared compared = new Compared(reference, backend);
    CharacterVideos videos = videos(reference, config);
    compared.bytes(
        "mid.ref_image_resized",
        OpenCvResize.letterbox(
                videos.picture(),
                videos.pose().width(),
                videos.pose().height(),
                OpenCvResize.Filter.LINEAR)
            .pixels());
    Watched course =
        new Watched(
            new CharacterAnimation(
                videos,
                config.path("clip_len").asInt(),
                config.path("refert_num").asInt(),
                SIDE_STEP),
            compared);
    double scale = config.path("guide_scale").asDouble();
    CourseRun.Wanted wanted =
        new CourseRun.Wanted(
            config.path("prompt").asString(""),
            config.path("negative_prompt").asString(""),
            new SamplingPlan(
                Sampler.of(config.path("sample_solver").asString("")),
                config.path("sampling_steps").asInt(),
                config.path("shift").asDouble(),
                scale,
                scale),
            (clip, _) -> reference.tensor("in.noise_clip" + clip),
            _ -> StepCache.NONE);
    FrameBuffer frames = new FrameBuffer();
    try (var checkpoint = Checkpoint.open(folder);
        Networks networks = new Networks(checkpoint, config, backend, scale != 1)) {
      new CourseRun(course, networks, compared).run(wanted, frames);
    }
    if (!backend.part().isFirst()) {
      return List.of(); // the first rank has the frames of all
    }
    compared.video(frames.frames(), backend.part().ranks() == 1 ? course.video() : null);
    return compared.comparisons;
  }

  private static CharacterVideos videos(ReferenceCase reference, JsonNode config) {
    boolean replaces = config.path("replace_flag").asBoolean();
    return new CharacterVideos(
        Picture.of(reference.tensor("in.src_ref")),
        source(reference.tensor("in.src_pose")),
        source(reference.tensor("in.src_face")),
        replaces ? source(reference.tensor("in.src_bg")) : null,
        replaces ? source(coloured(reference.tensor("in.src_mask"))) : null,
        Sound.NONE);
  }

  private static FrameSource source(Tensor frames) {
    return FrameSource.of(new wan4j.media.Clip(frames, RATE));
  }

  /// Returns masks `[frames, height, width]` in three equal colours, as a video has them.
  private static Tensor coloured(Tensor masks) {
    byte[] grey = masks.segment().toArray(ValueLayout.JAVA_BYTE);
    byte[] colours = new byte[3 * grey.length];
    for (int i = 0; i < colours.length; i++) {
      colours[i] = grey[i / 3];
    }
    return Tensor.of(colours, masks.length(0), masks.length(1), masks.length(2), 3);
  }

  /// Compares what a run tells of itself.
  private static final class Compared implements CourseListener {
    private final ReferenceCase reference;
    private final Backend backend;
    private final List<Comparison> comparisons = new ArrayList<>();
    private int clip;
    private boolean isFirst = true;

    Compared(ReferenceCase reference, Backend backend) {
      this.reference = reference;
      this.backend = backend;
    }

    /// Compares numbers where the arithmetic lets them be near.
    void near(String name, Tensor got, Tensor expected) {
      if (backend.isFloat32AfterSteps()) {
        double tolerance = backend.tolerance(reference.tolerance(name));
        comparisons.add(Comparison.relative(name, got, expected, tolerance));
      }
    }

    void bytes(String name, Tensor got) {
      comparisons.add(Comparison.exact(name, got, reference.tensor(name)));
    }

    void conditions(int index, Conditions.Animation conditions) {
      Ops ops = backend.ops();
      String pose = "mid.pose_latents_clip" + index;
      near(pose, ops.download(conditions.pose()), reference.tensor(pose));
      String beside = "mid.y_clip" + index;
      near(beside, ops.download(conditions.beside()), reference.tensor(beside));
    }

    /// Compares a video as bytes, and as floats where one rank has all of them, else null.
    void video(Tensor bytes, Tensor floats) {
      Tensor expected = reference.tensor("out.video");
      if (floats != null) {
        near("out.video", floats, expected);
      }
      Tensor pictures = pictures(expected);
      comparisons.add(
          backend.isFloat32AfterSteps()
              ? Comparison.bytes("frames", bytes, pictures)
              : Comparison.decibels("frames", bytes, pictures, FRAMES_DECIBELS));
    }

    /// Returns `[3, frames, height, width]` in [-1, 1] as bytes, as videos are saved.
    private static Tensor pictures(Tensor video) {
      float[] values = video.toFloats();
      int plane = values.length / 3;
      byte[] pixels = new byte[values.length];
      for (int i = 0; i < values.length; i++) {
        float share = (Math.clamp(values[i], -1f, 1f) + 1) / 2;
        pixels[i % plane * 3 + i / plane] = (byte) (share * 255);
      }
      return Tensor.of(pixels, video.length(1), video.length(2), video.length(3), 3);
    }

    @Override
    public void clip(int index, int clips) {
      clip = index;
      if (index == 0) {
        int expected = reference.json().path("config").path("num_clips").asInt();
        comparisons.add(Comparison.holds("as many clips", clips == expected));
      }
    }

    @Override
    public <T> T stage(String name, Supplier<T> work) {
      return work.get();
    }

    @Override
    public void begins(int step, Expert expert) {}

    @Override
    public void ends(Outcome outcome) {
      if (isFirst) {
        isFirst = false;
        String name = "mid.velocity_cond_clip0_step0";
        near(name, backend.ops().download(outcome.conditional()), reference.tensor(name));
        String other = "mid.velocity_uncond_clip0_step0";
        if (reference.has(other)) {
          near(other, backend.ops().download(outcome.unconditional()), reference.tensor(other));
        }
      }
      String name = "out.latents_steps_clip" + clip;
      near(name, outcome.latents(), reference.tensor(name).at(outcome.step()));
    }
  }

  /// A course whose conditions are compared and whose frames are kept as they were decoded.
  private static final class Watched implements Course {
    private final CharacterAnimation course;
    private final Compared compared;
    private final List<Tensor> pieces = new ArrayList<>();

    Watched(CharacterAnimation course, Compared compared) {
      this.course = course;
      this.compared = compared;
    }

    @Override
    public int clips() {
      return course.clips();
    }

    @Override
    public int remembered() {
      return course.remembered();
    }

    @Override
    public Tensor source(CourseNetworks networks, CourseListener listener) {
      Tensor tokens = course.source(networks, listener);
      compared.near(
          "mid.clip_features", tokens, compared.reference.tensor("mid.clip_features").at(0));
      return tokens;
    }

    @Override
    public Shape latents(VideoAutoencoder vae) {
      return course.latents(vae);
    }

    @Override
    public Conditioning conditioning(
        Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
      Conditioning made = course.conditioning(ops, vae, sample, prompts, clip);
      if (made.conditional() instanceof Conditions.Animation conditions) {
        compared.conditions(clip.index(), conditions);
      }
      return made;
    }

    @Override
    public void decode(
        Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
      course.decode(
          ops,
          vae,
          clip,
          latents,
          (first, features) -> {
            pieces.add(ops.download(features));
            sink.accept(first, features);
          });
    }

    /// Returns all frames, `[3, frames, height, width]`, clamped to [-1, 1].
    Tensor video() {
      int frames = pieces.stream().mapToInt(piece -> piece.length(0)).sum();
      Tensor first = pieces.getFirst();
      int plane = first.length(1) * first.length(2);
      float[] video = new float[3 * frames * plane];
      int done = 0;
      for (Tensor piece : pieces) {
        float[] values = piece.toFloats();
        for (int i = 0; i < values.length; i++) {
          int pixel = i / 3;
          video[(i % 3 * frames + done) * plane + pixel] = Math.clamp(values[i], -1f, 1f);
        }
        done += piece.length(0);
      }
      return Tensor.of(video, 3, frames, first.length(1), first.length(2));
    }
  }

  /// A case's networks, of which the smaller ones are loaded when they are asked for.
  private static final class Networks implements CourseNetworks, AutoCloseable {
    private final Checkpoint checkpoint;
    private final Ops ops;
    private final int visionHeads;
    private final Experts experts;
    private final VideoAutoencoder autoencoder;
    private final Map<String, Tensor> texts = new HashMap<>();
    private final Lora lora; // null for none
    private final RankPart.Division division;
    private ClipVision vision;

    Networks(Checkpoint checkpoint, JsonNode config, Backend backend, boolean isGuided) {
      this.checkpoint = checkpoint;
      ops = backend.ops();
      division = backend.division(checkpoint.config().heads(), isGuided);
      visionHeads = config.path("tiny_overrides").path("clip").path("vision_heads").asInt();
      lora =
          config.path("use_relighting_lora").asBoolean()
              ? Lora.read(checkpoint.relightingLora())
              : null;
      experts = new Experts(checkpoint.config(), checkpoint.experts(), 0, false, this::transformer);
      autoencoder = VaeCases.autoencoder(checkpoint.vae(), ops);
      autoencoder.shareWith(division.all());
    }

    private DiffusionNetwork transformer(Expert expert) {
      var weights = checkpoint.transformer(expert);
      var all =
          lora == null
              ? weights
              : AdaptedWeights.merged(weights, List.of(new LoraApplication(lora, 1)));
      return new CharacterTransformer(
          checkpoint.config(),
          all,
          ops,
          division.group(),
          PrecisionTable.of(Precision.PLAIN, List.of()));
    }

    @Override
    public RunRanks ranks() {
      return division.ranks();
    }

    @Override
    public Ops ops() {
      return ops;
    }

    @Override
    public Tensor text(String prompt) {
      return texts.computeIfAbsent(
          prompt,
          words -> {
            try (var encoder = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
              int length = checkpoint.config().textLength();
              return new PromptEncoder(CheckpointTokenizer.of(checkpoint), encoder, ops, length)
                  .encode(words);
            }
          });
    }

    @Override
    public void textIsDone() {}

    @Override
    public ClipVision vision() {
      vision = new ClipVision(checkpoint.vision(), visionHeads, ops);
      return vision;
    }

    @Override
    public void visionIsDone() {
      vision.close();
    }

    @Override
    public VideoAutoencoder autoencoder() {
      return autoencoder;
    }

    @Override
    public void autoencoderIsDone() {}

    @Override
    public Experts experts() {
      return experts;
    }

    @Override
    public void expertsAreDone() {}

    @Override
    public void close() {
      experts.close();
      autoencoder.close();
      if (lora != null) {
        lora.close();
      }
    }
  }
}
