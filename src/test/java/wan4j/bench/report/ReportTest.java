package wan4j.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import wan4j.bench.measure.Measurement;

class ReportTest {
  @Test
  void resultsWithTheSameParametersStandTogether() {
    Map<String, Object> parameters = Map.of("share", 8);
    assertThat(
            Report.lines(
                List.of(
                    Measurement.of("block", parameters, "time", "ms", 3, 1, 2),
                    Measurement.of("block", parameters, "peak memory", "GB", 3.2))))
        .containsExactly(
            "block: share 8",
            "  %-52s %10s %-8s (1 to 3, 3 runs)".formatted("time", "2", "ms"),
            "  %-52s %10s %-8s (3.200 to 3.200, 1 runs)".formatted("peak memory", "3.200", "GB"));
  }

  @Test
  void figuresHaveThreeOrFourDigits() {
    assertThat(Report.number(30.6)).isEqualTo("30.60");
    assertThat(Report.number(0.29549)).isEqualTo("0.295");
    assertThat(Report.number(0.003126)).isEqualTo("0.00313");
    assertThat(Report.number(2.2e-7)).isEqualTo("2.20e-07");
    assertThat(Report.number(-1440.6)).isEqualTo("-1441");
    assertThat(Report.number(38)).isEqualTo("38");
    assertThat(Report.number(Double.NaN)).isEqualTo("NaN");
  }
}
