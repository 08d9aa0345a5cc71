package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.ManyGpusModel.Question;
import wan4j.bench.measure.Measurement;
import wan4j.parallel.RankLayout;
import wan4j.tensor.InputException;

/// The model of many GPUs against values computed by hand.
final class ManyGpusModelTest {
  private static final VideoSize SIZE = new VideoSize(1280, 720, 81); // 75,600 tokens
  private static final List<Measurement> MEASURED =
      List.of(
          of("block", "time", 200, "share", 1),
          of("block", "time", 26, "share", 8),
          of("forward", "time", 1092, "share", 8), // 40 blocks of 26 ms take 1,040
          of("generate", "text", 1, "gpus", 1),
          of("generate", "conditioning", 2, "gpus", 1),
          of("generate", "noise", 0.25, "gpus", 1),
          of("generate", "decode", 4, "gpus", 1));

  private static Measurement of(
      String benchmark, String metric, double value, String parameter, int number) {
    Map<String, Object> parameters =
        new LinkedHashMap<>(
            Map.of(
                "task", "i2v-A14B",
                "recipe", "PerTokenScaling",
                "attention", "wan4j",
                "residual", "fp32",
                "size", "1280*720",
                "frames", 81));
    parameters.put(parameter, number);
    return Measurement.of(benchmark, parameters, metric, "ms", value);
  }

  private static Question question(int branches, int sequence) {
    return question(branches, sequence, false);
  }

  private static Question question(int branches, int sequence, boolean overlaps) {
    return new Question(
        Task.I2V_A14B,
        SIZE,
        "PerTokenScaling",
        "wan4j",
        new RankLayout(branches, sequence),
        40,
        80,
        overlaps,
        0.5,
        3);
  }

  private static double of(List<Measurement> results, String metric) {
    return results.stream()
        .filter(result -> result.metric().equals(metric))
        .mapToDouble(Measurement::median)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void guidanceInParallelExchangesNothingWithinAForward() {
    List<Measurement> results = ManyGpusModel.predict(question(2, 1), MEASURED);
    assertThat(of(results, "block")).isEqualTo(200);
    assertThat(of(results, "exchange of a block")).isZero();
    assertThat(of(results, "forward")).isEqualTo(8.4, within(1e-9)); // 40 * 0.2 s * 1092 / 1040
    assertThat(of(results, "denoise")).isEqualTo(336, within(1e-9)); // 40 forwards on each half
    // 1 + 2 / (2 * 0.5) + 0.25 + 336 + 4 / (2 * 0.5) + 3
    assertThat(of(results, "total")).isEqualTo(346.25, within(1e-9));
  }

  /// A rank of 2 x 4 has 18,900 tokens of 5,120 channels, 96.768 million elements. It sends three
  /// quarters of 580.608 MB of queries, keys and values, 435.456 MB, and of 193.536 MB of output,
  /// 145.152 MB; it reorders 774.144 MB, read and written at 3 TB/s: 0.516096 ms.
  @Test
  void halvesOfRanksShareTheirBranchByUlysses() {
    List<Measurement> results = ManyGpusModel.predict(question(2, 4), MEASURED);
    // ranks' times sum to 200 ms for 1 and 208 ms for 8: 200 + 3 / 7 * 8 for 4
    double block = (200 + 3 * 8 / 7.0) / 4;
    double first = 0.928 * 435.456 / 290;
    double second = 0.535 + (145.152 - 145) / 145 * (0.928 - 0.535);
    double exchange = first + second + 0.516096;
    assertThat(of(results, "block")).isEqualTo(block, within(1e-9));
    assertThat(of(results, "exchange of a block")).isEqualTo(exchange, within(1e-9));
    assertThat(of(results, "exchange, share of a block"))
        .isEqualTo(100 * exchange / block, within(1e-9));
    assertThat(of(results, "denoise"))
        .isEqualTo(40 * 40 * (block + exchange) * 1.05 / 1000, within(1e-9));
  }

  /// Of a rank's ten heads the first travels before attention and the last after it.
  @Test
  void oneHeadIsWaitedForWhereHeadsTravelBesideAttention() {
    double beside = 0.060 + (43.5456 - 6) / 42.5 * 0.148 + 0.060 + (14.5152 - 6) / 42.5 * 0.148;
    List<Measurement> results = ManyGpusModel.predict(question(2, 4, true), MEASURED);
    double block = of(results, "block");
    assertThat(of(results, "exchange of a block beside attention"))
        .isEqualTo(beside + 0.516096, within(1e-9));
    assertThat(of(results, "denoise"))
        .isEqualTo(40 * 40 * (block + beside + 0.516096) * 1.05 / 1000, within(1e-9));
    assertThat(of(results, "exchange of a block"))
        .isEqualTo(of(ManyGpusModel.predict(question(2, 4), MEASURED), "exchange of a block"));
  }

  @Test
  void exchangesThatWereMeasuredTakeThePlaceOfTheKnownOnes() {
    List<Measurement> measured = new ArrayList<>(MEASURED);
    Map<String, Object> parameters =
        Map.of("ranks", 4, "exchange", "NCCL", "collective", "all-to-all", "megabytes", 100);
    measured.add(Measurement.of("collectives", parameters, "time", "ms", 0.5)); // 75 MB to others
    double times = 435.456 / 75 * 0.5 + 145.152 / 75 * 0.5;
    List<Measurement> results = ManyGpusModel.predict(question(2, 4), measured);
    assertThat(of(results, "exchange of a block")).isEqualTo(times + 0.516096, within(1e-9));
    assertThat(results.getFirst().parameters())
        .containsEntry("exchange", "NCCL all-to-all of 4 GPUs");
  }

  @ParameterizedTest
  @CsvSource({"3, 0.060", "48.5, 0.208", "96.75, 0.3715", "290, 0.928", "580, 1.856"})
  void exchangesBetweenMeasuredSizesAreInProportion(double megabytes, double milliseconds) {
    assertThat(ExchangeTimes.TWO_H200.of(megabytes)).isEqualTo(milliseconds, within(1e-9));
  }

  @Test
  void whatWasNotMeasuredIsAskedFor() {
    assertThatThrownBy(() -> ManyGpusModel.predict(question(2, 4), MEASURED.subList(2, 7)))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--from has no block of i2v-A14B 1280*720 with 81 frames, recipe PerTokenScaling and"
                + " attention wan4j; measure it with bench block --share N");
    assertThatThrownBy(() -> ManyGpusModel.predict(question(2, 4), MEASURED.subList(0, 6)))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--from has no stage \"decode\" of a request of i2v-A14B 1280*720 on one GPU; measure"
                + " it with bench generate");
  }
}
