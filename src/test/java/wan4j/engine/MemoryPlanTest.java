package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.MemoryNeed;
import wan4j.Offload;
import wan4j.Ranks;
import wan4j.Ranks.WeightShards;
import wan4j.model.VideoAutoencoder;

/// What ranks choose where networks do not fit as they are.
final class MemoryPlanTest {
  private static final long PIECE = VideoAutoencoder.USUAL_PIECE;

  /// Transformers of 40 and a text encoder of 10 beside each other, or one after the other; a piece
  /// of the video takes 8; parts are an eighth, and take a buffer of 1 each.
  private static MemoryNeed need(boolean offloads, Shards shards, long piece) {
    long transformers = shards.transformers() ? 40 / 8 + 1 : 40;
    long text = shards.text() ? 2 : 10;
    long weights = offloads ? Math.max(transformers / 2, text) : transformers + text;
    return new MemoryNeed(weights, 8 * piece / PIECE, 0, 0);
  }

  private static MemoryPlan plan(long available, Offload wanted, WeightShards shards) {
    return MemoryPlan.fitting(
        available, wanted, Shards.choices(options(shards)), MemoryPlanTest::need);
  }

  private static EngineOptions options(WeightShards shards) {
    return new EngineOptions(Path.of("checkpoint"), Device.CUDA, true, false)
        .with(Ranks.of(8).sharding(shards));
  }

  @Test
  void weightsAreDividedAsFarAsTheyDoNotFit() {
    WeightShards free = WeightShards.WHERE_NEEDED;
    Offload open = Offload.WHERE_NEEDED;
    assertThat(plan(58, open, free))
        .isEqualTo(new MemoryPlan(false, Shards.NONE, PIECE, need(false, Shards.NONE, PIECE)));
    assertThat(plan(57, open, free).shards()).isEqualTo(new Shards(false, true));
    assertThat(plan(49, open, free).shards()).isEqualTo(new Shards(true, false));
    assertThat(plan(23, open, free).shards()).isEqualTo(new Shards(true, true));
    assertThat(plan(16, open, free).offloads()).isFalse();
    MemoryPlan tight = plan(15, open, free);
    assertThat(tight.offloads()).isTrue();
    assertThat(tight.shards()).isEqualTo(new Shards(true, true));
    assertThat(tight.isCutSmaller()).isFalse();
    assertThat(plan(10, open, free).isCutSmaller()).isTrue();
    assertThat(plan(28, Offload.ALWAYS, free).shards()).isEqualTo(Shards.NONE);
  }

  @Test
  void flagsAreKeptTo() {
    assertThat(plan(1000, Offload.WHERE_NEEDED, new WeightShards(true, null)).shards())
        .isEqualTo(new Shards(true, false));
    assertThat(plan(1, Offload.WHERE_NEEDED, new WeightShards(false, false)).shards())
        .isEqualTo(Shards.NONE);
    EngineOptions alone = new EngineOptions(Path.of("checkpoint"), Device.CUDA, true, false);
    assertThat(Shards.choices(alone)).isEqualTo(List.of(Shards.NONE));
    EngineOptions textOnCpu =
        new EngineOptions(Path.of("checkpoint"), Device.CUDA, true, true).with(Ranks.of(2));
    assertThat(Shards.choices(textOnCpu)).isEqualTo(List.of(Shards.NONE, new Shards(true, false)));
  }

  @Test
  void aPlanIsToldInNumbers() {
    MemoryPlan plan = plan(15, Offload.WHERE_NEEDED, WeightShards.WHERE_NEEDED);
    assertThat(MemoryPlan.of(plan.numbers())).isEqualTo(plan);
    assertThat(plan.shards().sentence(8))
        .isEqualTo(
            "the blocks of transformers and text encoder are divided among the 8 GPUs, each of"
                + " which holds one part and takes copies of the others while it computes");
  }
}
