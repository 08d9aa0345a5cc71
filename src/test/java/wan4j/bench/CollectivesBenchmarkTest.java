package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.CollectivesBenchmark.Settings;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.InputException;

final class CollectivesBenchmarkTest {
  private static final Workbench.Settings PROCESSOR =
      Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, null, 1, 2);

  @Test
  void everyExchangeIsTimedOnThreadsOfAProcessor() {
    List<Measurement> results =
        CollectivesBenchmark.run(PROCESSOR, Settings.usual(3, false).scaled(0.001));
    assertThat(results)
        .filteredOn(result -> result.metric().equals("time"))
        .allSatisfy(result -> {
          assertThat(result.min()).isPositive();
          assertThat(result.parameters())
              .containsEntry("ranks", 3)
              .containsEntry("exchange", "copies");
        })
        .extracting(result -> result.parameters().get("collective"))
        .containsExactly(
            "all-to-all",
            "all-to-all",
            "all-to-all",
            "all-to-all",
            "all-gather",
            "shift",
            "shift",
            "reduce");
    Measurement rate =
        results.stream().filter(r -> r.metric().equals("rate")).findFirst().orElseThrow();
    Measurement time = results.getFirst();
    // of 0.012 MB a third stays
    assertThat(rate.max() * time.min() * 1e6).isBetween(7_999.0, 8_001.0);
  }

  @Test
  void attentionIsTimedWithItsExchangesAndWithout() {
    List<Measurement> results = ExchangedAttention.run(PROCESSOR, Ranks.of(2), 33);
    assertThat(results)
        .allSatisfy(result -> {
          assertThat(result.min()).isPositive();
          assertThat(result.parameters()).containsEntry("tokens", 32).containsEntry("gpus", 0);
        })
        .extracting(
            result -> result.parameters().get("attention"),
            result -> result.parameters().get("exchange"))
        .containsExactly(
            tuple("bf16", "none"),
            tuple("bf16", "copies"),
            tuple("int8", "none"),
            tuple("int8", "copies"));
    assertThat(ExchangedAttention.run(PROCESSOR, Ranks.of(3), 33)).isEmpty();
  }

  @Test
  void anAutoencoderIsTimedOnRanksThatTakePiecesInTurn() {
    VideoSize size = new VideoSize(8, 8, 17);
    List<Measurement> results =
        AutoencoderBenchmark.ofRanks(PROCESSOR, Ranks.of(2), Task.I2V_A14B, size, true, true);
    assertThat(results)
        .allSatisfy(result -> {
          assertThat(result.min()).isPositive();
          assertThat(result.parameters()).containsEntry("ranks", 2).containsEntry("gpus", 0);
        })
        .extracting(result -> result.parameters().get("direction"))
        .containsExactly("decode", "encode");
  }

  @Test
  void noRanksAreRefused() {
    assertThatThrownBy(() -> CollectivesBenchmark.run(PROCESSOR, Settings.usual(0, false)))
        .isInstanceOf(InputException.class)
        .hasMessage("--gpus got 0; give 1 or more");
  }
}
