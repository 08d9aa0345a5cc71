package wan4j.verify;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import wan4j.cache.StepCache;
import wan4j.engine.RankPart;
import wan4j.media.Picture;
import wan4j.model.LatentGrid;
import wan4j.model.UmT5Encoder;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.pipeline.Clip;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Course;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.FrameDecoder;
import wan4j.pipeline.ImageToVideo;
import wan4j.pipeline.PromptEncoder;
import wan4j.pipeline.Prompts;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.pipeline.TextImageToVideo;
import wan4j.pipeline.TextToVideo;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.CheckpointKind;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// A whole request from prompt and noise to frames, in every layout that the checkpoint is there
/// in.
final class PipelineCases implements CaseKind {
  private static final double FRAMES_DECIBELS = 35;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    Path original = reference.path("checkpoint");
    comparisons.addAll(run(reference, backend, original, ""));
    Path diffusers = original.resolveSibling(original.getFileName() + "-diffusers");
    if (Files.isDirectory(diffusers)) {
      comparisons.addAll(run(reference, backend, diffusers, " (diffusers)"));
    }
    return comparisons;
  }

  private static List<Comparison> run(
      ReferenceCase reference, Backend backend, Path folder, String suffix) {
    Trace trace = new Trace(backend.ops());
    List<Comparison> comparisons = new ArrayList<>();
    try (var checkpoint = Checkpoint.open(folder);
        var request = new Request(reference, backend, checkpoint, textLength(reference))) {
      Tensor latents = request.sample(_ -> StepCache.NONE, trace);
      Tensor frames = FrameDecoder.bytes(backend.ops(), request.autoencoder(), latents);
      Tensor expectedFrames = reference.tensor("out.frames_u8");
      if (!backend.isFloat32AfterSteps()) {
        return List.of(
            Comparison.decibels("out.frames_u8" + suffix, frames, expectedFrames, FRAMES_DECIBELS));
      }
      comparisons.add(
          Comparison.relative(
              "mid.step0_noise_pred" + suffix,
              trace.velocities.getFirst(),
              reference.tensor("mid.step0_noise_pred"),
              backend.tolerance(reference.tolerance("step0"))));
      Tensor expected = reference.tensor("mid.latents");
      for (int step = 0; step < trace.samples.size(); step++) {
        comparisons.add(
            Comparison.relative(
                "mid.latents." + step + suffix,
                trace.samples.get(step),
                expected.at(step),
                backend.tolerance(reference.tolerance("latents"))));
      }
      if (reference.has("out.video")) {
        Tensor video = FrameDecoder.floats(backend.ops(), request.autoencoder(), latents);
        comparisons.add(
            Comparison.relative(
                "out.video" + suffix,
                clamped(video),
                reference.tensor("out.video"),
                backend.tolerance(reference.tolerance("video"))));
      }
      comparisons.add(Comparison.bytes("out.frames_u8" + suffix, frames, expectedFrames));
    }
    return comparisons;
  }

  /// Only the original layout's config.json gives the length of the text.
  private static int textLength(ReferenceCase reference) {
    try (var checkpoint = Checkpoint.open(reference.path("checkpoint"))) {
      return checkpoint.config().textLength();
    }
  }

  private static Tensor clamped(Tensor video) {
    float[] values = video.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.clamp(values[i], -1f, 1f);
    }
    return Tensor.of(values, video.shape().toArray());
  }

  /// Keeps the latents after each step.
  static final class Trace implements StepListener {
    final List<Tensor> conditionals = new ArrayList<>();
    final List<Tensor> unconditionals = new ArrayList<>();
    final List<Tensor> velocities = new ArrayList<>();
    final List<Tensor> samples = new ArrayList<>();
    private final Ops ops;

    Trace(Ops ops) {
      this.ops = ops;
    }

    @Override
    public void begins(int step, Expert expert) {}

    @Override
    public void ends(Outcome outcome) {
      conditionals.add(ops.download(outcome.conditional()));
      unconditionals.add(ops.download(outcome.unconditional()));
      velocities.add(ops.download(outcome.velocity()));
      samples.add(outcome.latents());
    }
  }

  /// A case's request, from its `args`.
  static final class Request implements AutoCloseable {
    private final ReferenceCase reference;
    private final JsonNode arguments;
    private final Ops ops;
    private final Checkpoint checkpoint;
    private final VideoAutoencoder autoencoder;
    private final Experts experts;
    private final RankPart.Division division;

    Request(ReferenceCase reference, Backend backend, Checkpoint checkpoint) {
      this(reference, backend, checkpoint, checkpoint.config().textLength());
    }

    Request(ReferenceCase reference, Backend backend, Checkpoint checkpoint, int textLength) {
      this.reference = reference;
      ops = backend.ops();
      this.checkpoint = checkpoint;
      arguments = reference.json().get("args");
      division = backend.division(checkpoint.config().heads(), plan().isGuided());
      autoencoder = VaeCases.autoencoder(checkpoint.vae(), ops);
      TransformerConfig config = checkpoint.config().withTextLength(textLength);
      experts =
          new Experts(
              config,
              checkpoint.experts(),
              boundary(),
              false,
              expert ->
                  new WanTransformer(
                      config,
                      checkpoint.transformer(expert),
                      ops,
                      division.group(),
                      PrecisionTable.of(Precision.PLAIN, List.of())));
    }

    VideoAutoencoder autoencoder() {
      return autoencoder;
    }

    TransformerConfig config() {
      return experts.config();
    }

    /// Returns the noise level at which the experts change.
    double boundary() {
      double usual = checkpoint.kind() == CheckpointKind.T2V ? 0.875 : 0.9;
      return arguments.path("boundary").asDouble(usual);
    }

    SamplingPlan plan() {
      JsonNode scale = arguments.get("guide_scale");
      double low = scale.isArray() ? scale.get(0).asDouble() : scale.asDouble();
      double high = scale.isArray() ? scale.get(1).asDouble() : low;
      return new SamplingPlan(
          Sampler.of(arguments.get("solver").asString()),
          arguments.get("steps").asInt(),
          arguments.get("shift").asDouble(),
          low,
          high);
    }

    Tensor sample(Function<Shape, StepCache> cache, StepListener listener) {
      Tensor noise = reference.tensor("in.noise");
      try (var _ = ops.scope()) {
        return new Denoiser(ops, experts, division.ranks())
            .run(plan(), noise, conditioning(noise.shape()), cache, listener);
      }
    }

    private Prompts prompts() {
      String negative =
          arguments.path("negative_used").asString(arguments.get("n_prompt").asString());
      try (var encoder = new UmT5Encoder(checkpoint.textEncoder(), ops)) {
        PromptEncoder prompts =
            new PromptEncoder(
                CheckpointTokenizer.of(checkpoint), encoder, ops, config().textLength());
        return new Prompts(
            prompts.encode(arguments.get("prompt").asString()), prompts.encode(negative));
      }
    }

    private Conditioning conditioning(Shape noise) {
      return course(noise).conditioning(ops, autoencoder, noise, prompts(), Clip.FIRST);
    }

    /// Returns the course; the shape of the noise tells the size of the video.
    private Course course(Shape noise) {
      int frames = LatentGrid.videoFrames(noise.length(1));
      int height = noise.length(2) * autoencoder.stride();
      int width = noise.length(3) * autoencoder.stride();
      if (!reference.has("in.image_u8")) {
        return new TextToVideo(frames, height, width);
      }
      Picture picture = Picture.of(reference.tensor("in.image_u8"));
      long area = (long) height * width;
      return checkpoint.kind() == CheckpointKind.TI2V
          ? new TextImageToVideo(picture, area, frames)
          : new ImageToVideo(picture, area, frames);
    }

    @Override
    public void close() {
      experts.close();
      autoencoder.close();
    }
  }
}
