package wan4j.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.bench.measure.Measurement;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.verify.Verifier;

final class ParityRecordTest {
  private static final Tensor REFERENCE = Tensor.of(new float[] {3, 4}, 2);

  private static Verifier.Result compared(String name, Comparison... comparisons) {
    return new Verifier.Result.Compared("dit", name, List.of(comparisons));
  }

  @Test
  void casesAreCountedAndTheirDistancesKept() {
    ParityRecord record = new ParityRecord(Device.CUDA, Arithmetic.BFLOAT16_RESIDUAL, null);
    Tensor near = Tensor.of(new float[] {3, 4.05f}, 2);
    Tensor far = Tensor.of(new float[] {3, 5}, 2);
    record.add(compared("a", Comparison.relative("x", near, REFERENCE, 0.1)));
    record.add(
        compared(
            "b",
            Comparison.relative("x", far, REFERENCE, 0.1),
            Comparison.peak("frames", near, REFERENCE, 30)));
    record.add(new Verifier.Result.Failed("dit", "c", "no reason"));
    record.add(new Verifier.Result.Skipped("s2v-dit", "d"));
    List<Measurement> results = record.measurements();
    assertThat(results)
        .extracting(Measurement::metric)
        .containsExactly(
            "cases passed", "cases failed", "relative L2", "PSNR", "share of the tolerance");
    assertThat(results.get(0).median()).isEqualTo(1);
    assertThat(results.get(1).median()).isEqualTo(2);
    assertThat(results.get(2).min()).isCloseTo(0.01, within(1e-6));
    assertThat(results.get(2).max()).isCloseTo(0.2, within(1e-6));
    assertThat(results.get(3).median()).isCloseTo(35.05, within(0.01));
    assertThat(results.get(4).max()).isCloseTo(2, within(1e-5));
    assertThat(results.getFirst().parameters())
        .containsEntry("kind", "dit")
        .containsEntry("precision", "bf16")
        .containsEntry("residual", "bf16")
        .containsEntry("gpus", 1);
  }

  @Test
  void aResultWithoutADistanceFailsAndIsNoFigure() {
    ParityRecord record = new ParityRecord(Device.CPU, Arithmetic.BFLOAT16, null);
    Tensor longer = Tensor.of(new float[] {3, 4, 5}, 3);
    record.add(compared("a", Comparison.relative("x", longer, REFERENCE, 0.1)));
    assertThat(record.measurements())
        .extracting(Measurement::metric)
        .containsExactly("cases passed", "cases failed");
    assertThat(record.measurements().getLast().median()).isEqualTo(1);
  }
}
