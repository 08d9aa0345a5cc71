package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;
import wan4j.cache.StepCache;
import wan4j.engine.RankPart;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.media.SoundReader;
import wan4j.model.CausalAudioEncoder;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Ops;
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
import wan4j.pipeline.SpeechToVideo;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;

/// Whole requests of speech to video, clip after clip: from picture, sound file, poses, prompts and
/// noise to frames.
final class SpeechPipelineCases implements CaseKind {
  private static final double FRAMES_DECIBELS = 35;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    Tensor expected = reference.tensor("out.video");
    List<Comparison> comparisons = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      if (precision.isFloat8() && backend.hasFloat8()) {
        Made made = made(reference, backend, precision);
        if (made != null) {
          comparisons.add(made.peak("out.video in " + precision, expected));
        }
      }
    }
    Made made = made(reference, backend, Precision.PLAIN);
    if (made == null) {
      return List.of();
    }
    if (!backend.isFloat32AfterSteps()) {
      comparisons.add(made.peak("out.video", expected));
      return comparisons;
    }
    double tolerance = backend.tolerance(reference.tolerance("out.video"));
    int count = config.path("sampling_steps").asInt();
    for (int i = 0; i < made.latents().size(); i++) {
      int clip = i / count;
      comparisons.add(
          Comparison.relative(
              "out.latents_steps_clip%d.%d".formatted(clip, i % count),
              made.latents().get(i),
              reference.tensor("out.latents_steps_clip" + clip).at(i % count),
              tolerance));
    }
    if (made.video() != null) {
      comparisons.add(Comparison.relative("out.video", made.video(), expected, tolerance));
    }
    comparisons.add(Comparison.bytes("out.video as bytes", planes(made.pixels()), bytes(expected)));
    return comparisons;
  }

  /// What a request made.
  ///
  /// @param video `[3, frames, height, width]`, clamped; null where ranks have a part each
  /// @param pixels the same as bytes, `[frames, height, width, 3]`
  /// @param latents those after each step of all clips
  private record Made(Tensor video, Tensor pixels, List<Tensor> latents) {
    Comparison peak(String name, Tensor expected) {
      return video == null
          ? Comparison.decibels(name, planes(pixels), bytes(expected), FRAMES_DECIBELS)
          : Comparison.peak(name, video, expected, FRAMES_DECIBELS);
    }
  }

  /// Returns what the first rank has of a request that all make; null on others.
  private static Made made(ReferenceCase reference, Backend backend, Precision precision) {
    JsonNode config = reference.json().path("config");
    Path folder = reference.folder().resolve(config.path("checkpoint").asString()).normalize();
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        CaseNetworks networks =
            new CaseNetworks(checkpoint, backend, precision, wanted(reference, config))) {
      Watched course = new Watched(course(reference, config), new ArrayList<>());
      Steps steps = new Steps(new ArrayList<>());
      FrameBuffer pixels = new FrameBuffer();
      new CourseRun(course, networks, steps).run(wanted(reference, config), pixels);
      if (!backend.part().isFirst()) {
        return null;
      }
      boolean isWhole = backend.part().ranks() == 1;
      return new Made(isWhole ? joined(course.pieces()) : null, pixels.frames(), steps.latents());
    }
  }

  private static SpeechToVideo course(ReferenceCase reference, JsonNode config) {
    float[] voice = SoundReader.readSpeech(reference.folder().resolve("audio.wav"));
    return new SpeechToVideo(
        Picture.of(reference.tensor("in.ref_image")),
        config.path("max_area").asLong(),
        Tensor.of(voice, voice.length),
        reference.has("in.pose_frames") ? poses(reference, config) : null,
        new SpeechToVideo.Cut(
            config.path("infer_frames").asInt(),
            config.path("num_repeat_requested").asInt(),
            config.path("init_first_frame").asBoolean()));
  }

  private static SpeechToVideo.Poses poses(ReferenceCase reference, JsonNode config) {
    Tensor all = reference.tensor("in.pose_frames");
    double rate = config.path("pose_fps").asDouble();
    int interval = (int) Math.max(1, Math.rint(rate / SpeechToVideo.FRAMES_PER_SECOND));
    return (first, count) -> {
      List<Picture> pictures = new ArrayList<>();
      for (long i = first; i < first + count && i * interval < all.length(0); i++) {
        pictures.add(Picture.of(all.at(i * interval)));
      }
      return pictures;
    };
  }

  private static CourseRun.Wanted wanted(ReferenceCase reference, JsonNode config) {
    double scale = config.path("guide_scale").asDouble();
    return new CourseRun.Wanted(
        config.path("prompt").asString(),
        config.path("negative_prompt").asString(),
        new SamplingPlan(
            Sampler.of(config.path("sample_solver").asString()),
            config.path("sampling_steps").asInt(),
            config.path("shift").asDouble(),
            scale,
            scale),
        (clip, _) -> reference.tensor("in.noise_clip" + clip),
        _ -> StepCache.NONE);
  }

  /// Returns pieces `[3, frames, height, width]` as one, clamped.
  private static Tensor joined(List<Tensor> pieces) {
    int frames = pieces.stream().mapToInt(piece -> piece.length(1)).sum();
    int height = pieces.getFirst().length(2);
    int width = pieces.getFirst().length(3);
    int plane = height * width;
    float[] all = new float[3 * frames * plane];
    int first = 0;
    for (Tensor piece : pieces) {
      float[] values = piece.toFloats();
      int length = piece.length(1) * plane;
      for (int channel = 0; channel < 3; channel++) {
        for (int i = 0; i < length; i++) {
          all[(channel * frames + first) * plane + i] =
              Math.clamp(values[channel * length + i], -1f, 1f);
        }
      }
      first += piece.length(1);
    }
    return Tensor.of(all, 3, frames, height, width);
  }

  /// Returns values in [-1, 1] as unsigned bytes, as videos are saved.
  private static Tensor bytes(Tensor video) {
    float[] values = video.toFloats();
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) ((values[i] + 1) / 2 * 255);
    }
    return Tensor.of(bytes, video.shape().toArray());
  }

  /// Returns frames `[frames, height, width, 3]` as `[3, frames, height, width]`.
  private static Tensor planes(Tensor frames) {
    int pixels = Math.toIntExact(frames.count() / 3);
    float[] values = frames.toFloats();
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < pixels; i++) {
      for (int channel = 0; channel < 3; channel++) {
        bytes[channel * pixels + i] = (byte) values[i * 3 + channel];
      }
    }
    return Tensor.of(bytes, 3, frames.length(0), frames.length(1), frames.length(2));
  }

  /// A course whose frames are kept as they are decoded.
  private record Watched(SpeechToVideo course, List<Tensor> pieces) implements Course {
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
      return course.source(networks, listener);
    }

    @Override
    public Shape latents(VideoAutoencoder vae) {
      return course.latents(vae);
    }

    @Override
    public Conditioning conditioning(
        Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
      return course.conditioning(ops, vae, sample, prompts, clip);
    }

    @Override
    public Tensor decodable(Ops ops, Conditioning conditioning, Tensor latents) {
      return course.decodable(ops, conditioning, latents);
    }

    @Override
    public void decode(
        Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
      float[] ones = {1, 1, 1};
      course.decode(
          ops,
          vae,
          clip,
          latents,
          (first, features) -> {
            Tensor factor = ops.upload(Tensor.of(ones, 3), DType.F32);
            Tensor offset = ops.upload(Tensor.of(new float[3], 3), DType.F32);
            pieces.add(ops.download(ops.channelsFirst(features, factor, offset)));
            sink.accept(first, features);
          });
    }
  }

  /// Keeps the latents after each step of all clips.
  private record Steps(List<Tensor> latents) implements CourseListener {
    @Override
    public <T> T stage(String name, Supplier<T> work) {
      return work.get();
    }

    @Override
    public void begins(int step, Expert expert) {}

    @Override
    public void ends(Outcome outcome) {
      latents.add(outcome.latents());
    }
  }

  /// The networks of a checkpoint, which all stay.
  private static final class CaseNetworks implements CourseNetworks, AutoCloseable {
    private final Checkpoint checkpoint;
    private final Ops ops;
    private final VideoAutoencoder autoencoder;
    private final Experts experts;
    private final RankPart.Division division;
    private Wav2Vec2 speech; // null where it is not needed

    CaseNetworks(
        Checkpoint checkpoint, Backend backend, Precision precision, CourseRun.Wanted wanted) {
      this.checkpoint = checkpoint;
      ops = backend.ops();
      division = backend.division(checkpoint.config().heads(), wanted.plan().isGuided());
      autoencoder = VaeCases.autoencoder(checkpoint.vae(), ops);
      autoencoder.shareWith(division.all());
      experts =
          new Experts(
              checkpoint.config(),
              checkpoint.experts(),
              0,
              false,
              expert ->
                  DiffusionNetwork.load(
                      checkpoint.config(),
                      checkpoint.transformer(expert),
                      ops,
                      division.group(),
                      PrecisionTable.of(precision, List.of())));
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
      try (var encoder = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
        return new PromptEncoder(
                CheckpointTokenizer.of(checkpoint), encoder, ops, checkpoint.config().textLength())
            .encode(prompt);
      }
    }

    @Override
    public void textIsDone() {}

    @Override
    public Wav2Vec2 speech() {
      if (speech == null) {
        speech = new Wav2Vec2(checkpoint.speechConfig(), checkpoint.speech(), ops);
      }
      return speech;
    }

    @Override
    public double[] speechMix() {
      return CausalAudioEncoder.mix(checkpoint.transformer(Expert.SINGLE));
    }

    @Override
    public void speechIsDone() {
      if (speech != null) {
        speech.close();
        speech = null;
      }
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
      speechIsDone();
      experts.close();
      autoencoder.close();
    }
  }
}
