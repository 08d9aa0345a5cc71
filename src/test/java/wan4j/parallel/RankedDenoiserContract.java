package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.cache.StepCache;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.pipeline.Conditioning;
import wan4j.pipeline.Denoiser;
import wan4j.pipeline.Experts;
import wan4j.pipeline.RunRanks;
import wan4j.pipeline.SamplingPlan;
import wan4j.pipeline.StepListener;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.Sampler;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.weights.Expert;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;

/// Ranks denoise a sample as one does, whatever they divide, on every backend and with every kind
/// of exchange: latents after a few steps.
public abstract class RankedDenoiserContract {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /// Returns a new backend for a rank, which the process's end closes.
  protected abstract Ops ops(int rank);

  /// Returns a rank's part in the exchange of those that meet, which closes with its work.
  protected abstract Collectives collectives(Ops ops, Meeting meeting, int rank);

  /// Returns the largest number of ranks.
  protected int most() {
    return 8;
  }

  /// How ranks divide a request: "2 x 4" are two branches on four ranks each.
  private static RankLayout layout(String written) {
    String[] sizes = written.split(" x ", -1);
    return new RankLayout(Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]));
  }

  /// 3 x 3 x 5 tokens, and those of a sound's past: uneven for all but 3 and 5 ranks. Text alone is
  /// divided in every way, and other conditions in those where they differ from it.
  @ParameterizedTest
  @CsvSource({
    "t2v, 40, '1 x 2, 2 x 1, 1 x 4, 2 x 2, 1 x 5, 1 x 8, 2 x 4'",
    "i2v, 40, '1 x 2, 2 x 4'",
    "ti2v, 24, '1 x 3, 2 x 1, 2 x 4'",
    "s2v, 40, '1 x 2, 2 x 1, 1 x 5, 2 x 4'",
  })
  void ranksDenoiseAsOneDoes(String type, int heads, String layouts) {
    SamplingPlan plan = new SamplingPlan(Sampler.UNIPC, 1, 5, 4, 4);
    float[] alone = denoised(ops(0), type, heads, plan, SequenceGroup.SOLO, RunRanks.ALONE);
    int tried = 0;
    for (String written : layouts.split(", ", -1)) {
      RankLayout layout = layout(written);
      if (layout.ranks() <= most()) {
        List<float[]> together = together(type, heads, plan, layout, new AtomicInteger());
        requireSame(alone, layout, together);
        if (layout.sequence() == 1) {
          assertThat(together.getFirst()).isEqualTo(alone);
        }
        tried++;
      }
    }
    assumeTrue(tried > 0, () -> "there are %d GPUs".formatted(most()));
  }

  /// Both halves share the steps of one branch alone, where heads divide among all of them: the
  /// last two of four steps are gated, or none is guided.
  @ParameterizedTest
  @CsvSource({
    "2 x 1, 4, 4, 0.5, 4",
    "2 x 2, 4, 4, 0.5, 8",
    "2 x 4, 1, 1, 1, 32",
    "2 x 3, 4, 4, 0.5, 0",
  })
  void allRanksShareTheStepsOfOneBranch(
      String written, double low, double high, double gate, int shared) {
    RankLayout layout = layout(written);
    assumeTrue(layout.ranks() <= most(), () -> "there are %d GPUs".formatted(most()));
    SamplingPlan plan = new SamplingPlan(Sampler.UNIPC, 4, 5, low, high, gate);
    int heads = layout.sequence() == 3 ? 3 : 40; // 3 do not divide among both halves
    AtomicInteger joined = new AtomicInteger();
    float[] alone = denoised(ops(0), "t2v", heads, plan, SequenceGroup.SOLO, RunRanks.ALONE);
    requireSame(alone, layout, together("t2v", heads, plan, layout, joined));
    assertThat(joined).hasValue(shared);
  }

  private static void requireSame(float[] alone, RankLayout layout, List<float[]> together) {
    for (float[] made : together) {
      assertThat(made).as("%s", layout).isEqualTo(together.getFirst());
      assertThat(Comparison.relativeError(made, alone)).as("%s", layout).isLessThan(1e-5);
    }
  }

  /// Returns what each rank makes; `joined` counts the steps that all shared, on every rank.
  private List<float[]> together(
      String type, int heads, SamplingPlan plan, RankLayout layout, AtomicInteger joined) {
    RankLayout all = layout.joined(heads);
    return Ranks.run(
        layout.ranks(),
        LIMIT,
        (meeting, rank) -> {
          Ops ops = ops(rank);
          HostExchange host = new MeetingExchange(meeting, rank, LIMIT);
          try (Collectives pair = among(ops, meeting, layout.branchesOf(rank), rank);
              Collectives forward = among(ops, meeting, layout.sequenceOf(rank), rank);
              Collectives every =
                  all == null ? null : among(ops, meeting, all.sequenceOf(rank), rank)) {
            SequenceGroup own = group(forward);
            ChosenGroup chosen = new ChosenGroup(own);
            RunRanks.Halves halves =
                areTogether -> {
                  chosen.choose(areTogether ? group(every) : own);
                  joined.addAndGet(areTogether ? 1 : 0);
                };
            RunRanks ranks = new RunRanks(host, pair, all == null ? null : halves);
            return denoised(ops, type, heads, plan, chosen, ranks);
          }
        });
  }

  private static SequenceGroup group(Collectives ranks) {
    return ranks == null ? SequenceGroup.SOLO : new UlyssesGroup(ranks, SequenceGroup.SOLO);
  }

  private Collectives among(Ops ops, Meeting meeting, List<Integer> members, int rank) {
    return members.size() == 1
        ? null
        : collectives(ops, meeting.among(members), members.indexOf(rank));
  }

  private static float[] denoised(
      Ops ops, String type, int heads, SamplingPlan plan, SequenceGroup group, RunRanks ranks) {
    TransformerConfig config = config(type, heads);
    PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
    Shape shape = Shape.of(config.outChannels(), 3, 6, 10);
    try (Experts experts =
            new Experts(
                config,
                List.of(Expert.SINGLE),
                0,
                false,
                _ ->
                    DiffusionNetwork.load(
                        config, RandomWeights.transformer(config, 1), ops, group, table));
        var _ = ops.scope()) {
      Conditions prompt = RandomConditions.of(ops, config, shape, true);
      Conditioning conditioning = new Conditioning(prompt, negative(prompt), null);
      return new Denoiser(ops, experts, ranks)
          .run(
              plan,
              Noise.of(Noise.Kind.CPU, 1).randn(shape),
              conditioning,
              _ -> StepCache.NONE,
              StepListener.NONE)
          .toFloats();
    }
  }

  private static TransformerConfig config(String type, int heads) {
    int channels = type.equals("ti2v") ? 48 : 16;
    int inputs = type.equals("i2v") ? 36 : channels;
    if (type.equals("s2v")) {
      SpeechConfig speech =
          new SpeechConfig(3, 16, 4, Map.of(0, 0, 1, 1), true, SpeechConfig.Packing.WHOLE);
      return new TransformerConfig(
          type, inputs, channels, heads * 8, 96, 32, 24, 7, heads, 2, 1, 2, 2, 1e-6, speech);
    }
    return new TransformerConfig(
        type, inputs, channels, heads * 8, 96, 32, 24, 7, heads, 2, 1, 2, 2, 1e-6);
  }

  private static Conditions negative(Conditions prompt) {
    return switch (prompt) {
      case Conditions.Scene scene ->
          new Conditions.Scene(text(scene.text()), scene.beside(), scene.givenFrames());
      case Conditions.Speech speech ->
          new Conditions.Speech(
              text(speech.text()),
              Tensor.zeros(speech.sound().dtype(), speech.sound().shape()),
              speech.reference(),
              speech.motion(),
              speech.seesMotion(),
              speech.pose());
      case Conditions.Animation _ -> throw new IllegalArgumentException("is not made here");
    };
  }

  private static Tensor text(Tensor like) {
    return Noise.of(Noise.Kind.CPU, 2).randn(like.shape());
  }
}
