package wan4j.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import wan4j.bench.random.RandomWeights;
import wan4j.cache.StepCache;
import wan4j.model.VideoAutoencoder;
import wan4j.model.WanTransformer;
import wan4j.model.WanVae21;
import wan4j.model.Wav2Vec2;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// A course of several clips, each of which sees the last frames of those before.
final class CourseRunTest {
  private static final int CLIPS = 3;
  private static final int REMEMBERED = 7;

  /// Notes how many frames each clip sees.
  private static final class Numbered implements Course {
    private final List<Integer> seen = new ArrayList<>();

    @Override
    public int clips() {
      return CLIPS;
    }

    @Override
    public int remembered() {
      return REMEMBERED;
    }

    @Override
    public Shape latents(VideoAutoencoder vae) {
      return vae.latents(5, 64, 64);
    }

    @Override
    public Conditioning conditioning(
        Ops ops, VideoAutoencoder vae, Shape sample, Prompts prompts, Clip clip) {
      assertThat(clip.index()).isEqualTo(seen.size());
      seen.add(clip.before() == null ? 0 : clip.before().length(1));
      return Conditioning.of(prompts, List.of(), null);
    }

    @Override
    public Tensor decodable(Ops ops, Conditioning conditioning, Tensor latents) {
      return latents.slice(0, 2);
    }

    /// Five frames, in pieces of one and four.
    @Override
    public void decode(
        Ops ops, VideoAutoencoder vae, Clip clip, Tensor latents, VideoAutoencoder.FrameSink sink) {
      assertThat(latents.length(0)).isEqualTo(2);
      int first = 0;
      for (int count : new int[] {1, 4}) {
        sink.accept(first, ops.empty(ops.activation(), count, 8, 8, 3));
        first += count;
      }
    }
  }

  /// Networks without elements, which note when they are no longer needed.
  private static final class Networks implements CourseNetworks, AutoCloseable {
    private final NullOps ops = new NullOps();
    private final TransformerConfig config = RandomWeights.config(wan4j.Task.T2V_A14B, 1);
    private final VideoAutoencoder vae = new WanVae21(RandomWeights.vae21(), ops);
    private final List<String> done = new ArrayList<>();
    private final Experts experts =
        new Experts(
            config,
            List.of(Expert.SINGLE),
            0,
            false,
            _ ->
                new WanTransformer(
                    config,
                    RandomWeights.transformer(config, 1),
                    ops,
                    SequenceGroup.SOLO,
                    PrecisionTable.of(Precision.PLAIN, List.of())));

    @Override
    public Ops ops() {
      return ops;
    }

    @Override
    public Tensor text(String prompt) {
      return Tensor.of(new float[config.textDim()], 1, config.textDim());
    }

    @Override
    public void textIsDone() {
      done.add("text");
    }

    @Override
    public Wav2Vec2 speech() {
      throw new IllegalStateException("nothing is heard here");
    }

    @Override
    public double[] speechMix() {
      throw new IllegalStateException("nothing is heard here");
    }

    @Override
    public void speechIsDone() {
      done.add("speech");
    }

    @Override
    public VideoAutoencoder autoencoder() {
      return vae;
    }

    @Override
    public void autoencoderIsDone() {
      done.add("vae");
    }

    @Override
    public Experts experts() {
      return experts;
    }

    @Override
    public void expertsAreDone() {
      done.add("experts");
    }

    @Override
    public void close() {
      experts.close();
      vae.close();
      ops.close();
    }
  }

  /// Notes the stages.
  private record Stages(List<String> names) implements CourseListener {
    @Override
    public <T> T stage(String name, Supplier<T> work) {
      names.add(name);
      return work.get();
    }

    @Override
    public void begins(int step, Expert expert) {}

    @Override
    public void ends(Outcome outcome) {}
  }

  @Test
  void eachClipSeesTheLastFramesOfAllBeforeIt() {
    Numbered course = new Numbered();
    Stages stages = new Stages(new ArrayList<>());
    List<Integer> frames = new ArrayList<>();
    try (Networks networks = new Networks()) {
      CourseRun.Wanted wanted =
          new CourseRun.Wanted(
              "",
              "",
              new SamplingPlan(Sampler.EULER, 1, 5, 1, 1),
              (_, shape) ->
                  Tensor.deferred(
                      DType.F32,
                      shape,
                      () -> {
                        throw new IllegalStateException("shapes are all there is");
                      }),
              _ -> StepCache.NONE);
      new CourseRun(course, networks, stages).run(wanted, piece -> frames.add(piece.length(0)));
      assertThat(networks.done.getFirst()).isEqualTo("text");
      assertThat(networks.done.subList(1, networks.done.size()))
          .containsExactly(
              "vae", "experts", "vae", "vae", "experts", "vae", "vae", "experts", "vae");
      assertThat(networks.ops.liveBytes()).isPositive();
    }
    assertThat(course.seen).containsExactly(0, 5, 7);
    assertThat(frames).containsExactly(1, 4, 1, 4, 1, 4);
    assertThat(stages.names)
        .containsExactly(
            "text",
            "conditioning",
            "denoise",
            "decode",
            "conditioning",
            "denoise",
            "decode",
            "conditioning",
            "denoise",
            "decode");
  }

  /// Keeps latents in memory.
  private record Kept(List<Tensor> clips) implements RunRecord {
    @Override
    public Tensor latents(int clip) {
      return clip < clips.size() ? clips.get(clip) : null;
    }

    @Override
    public SavedState state(int clip) {
      return null;
    }

    @Override
    public void stepped(int clip, StepListener.Outcome outcome, boolean isLast) {
      assertThat(clip).isEqualTo(clips.size());
    }

    @Override
    public void sampled(int clip, Tensor latents) {
      assertThat(clip).isEqualTo(clips.size());
      clips.add(latents);
    }
  }

  /// Clips that are sampled already are decoded again, since later ones look at their frames, and
  /// draw the noise that they had.
  @Test
  void aRunGoesOnAfterTheClipsThatItHas() {
    Numbered course = new Numbered();
    Stages stages = new Stages(new ArrayList<>());
    List<Shape> drawn = new ArrayList<>();
    List<Integer> frames = new ArrayList<>();
    try (Networks networks = new Networks()) {
      Shape shape = course.latents(networks.autoencoder());
      Kept kept = new Kept(new ArrayList<>(List.of(Tensor.zeros(DType.F32, shape).slice(0, 2))));
      CourseRun.Wanted wanted =
          new CourseRun.Wanted(
              "",
              "",
              new SamplingPlan(Sampler.EULER, 1, 5, 1, 1),
              (clip, of) -> {
                assertThat(clip).isEqualTo(drawn.size());
                drawn.add(of);
                return Tensor.zeros(DType.F32, of);
              },
              _ -> StepCache.NONE);
      CourseRun run = new CourseRun(course, networks, stages);
      course.seen.add(0); // the clip whose conditioning is not asked for
      run.run(wanted, kept, piece -> frames.add(piece.length(0)));
      assertThat(kept.clips()).hasSize(CLIPS);
      assertThat(drawn).containsExactly(shape, shape, shape);
    }
    assertThat(course.seen).containsExactly(0, 5, 7);
    assertThat(frames).containsExactly(1, 4, 1, 4, 1, 4);
    assertThat(stages.names)
        .containsExactly(
            "text",
            "decode",
            "conditioning",
            "denoise",
            "decode",
            "conditioning",
            "denoise",
            "decode");
  }
}
