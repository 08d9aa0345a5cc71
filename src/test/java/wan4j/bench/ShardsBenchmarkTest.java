package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.measure.Measurement;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Shape;
import wan4j.weights.TransformerConfig;

final class ShardsBenchmarkTest {
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aForwardIsTimedWithWeightsWholeAndDivided(boolean isOneGpu) {
    TransformerConfig config =
        new TransformerConfig("t2v", 16, 16, 64, 96, 32, 24, 7, 4, 12, 1, 2, 2, 1e-6);
    Map<String, Measurement> results;
    try (Workbench bench =
        new Workbench(Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, null, 1, 2))) {
      List<Measurement> all =
          ShardsBenchmark.run(
              bench,
              config,
              Shape.of(16, 1, 4, 4),
              SequenceGroup.SOLO,
              new TreeMap<>(),
              isOneGpu ? Ranks.of(3).sharing() : Ranks.of(3));
      results = all.stream().collect(Collectors.toMap(Measurement::metric, Function.identity()));
    }
    assertThat(results.get("forward, weights whole").min()).isPositive();
    assertThat(results.get("forward, weights divided").min()).isPositive();
    assertThat(results.get("slow-down").parameters()).containsEntry("ranks", 3);
    double whole = results.get("weights of a rank, whole").median();
    assertThat(results.get("weights of a rank, divided").median()).isLessThan(0.7 * whole);
  }
}
