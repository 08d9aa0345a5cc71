package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static wan4j.ops.AttentionFormat.EightBit.INT8;
import static wan4j.ops.AttentionFormat.Simple.PLAIN;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import wan4j.quant.Branch;

/// Which steps and layers keep the activation type.
final class AttentionScheduleTest {
  private static List<AttentionFormat> formats(AttentionSchedule schedule, int steps, int layer) {
    return IntStream.range(0, steps)
        .mapToObj(step -> schedule.format(new ForwardPass(Branch.CONDITIONAL, step, steps), layer))
        .toList();
  }

  @Test
  void theFirstAndTheLastStepsAndSomeLayersDo() {
    AttentionSchedule schedule = new AttentionSchedule(INT8, 2, 1, Set.of(3));
    assertThat(formats(schedule, 6, 0)).containsExactly(PLAIN, PLAIN, INT8, INT8, INT8, PLAIN);
    assertThat(formats(schedule, 6, 3)).containsOnly(PLAIN);
    assertThat(formats(schedule, 3, 0)).containsOnly(PLAIN);
    assertThat(formats(schedule, 1, 0)).containsOnly(PLAIN);
  }

  @Test
  void withoutAnyAllComputeInTheFormat() {
    assertThat(formats(new AttentionSchedule(INT8, 0, 0, Set.of()), 4, 7)).containsOnly(INT8);
    assertThat(formats(AttentionSchedule.PLAIN, 4, 7)).containsOnly(PLAIN);
  }

  @Test
  void aGroupOfOneGoesByIt() {
    SequenceGroup group = SequenceGroup.solo(new AttentionSchedule(INT8, 1, 0, Set.of()));
    ForwardPass first = new ForwardPass(Branch.CONDITIONAL, 0, 2);
    ForwardPass second = new ForwardPass(Branch.UNCONDITIONAL, 1, 2);
    assertThat(group.format(first, 0)).isEqualTo(PLAIN);
    assertThat(group.format(second, 0)).isEqualTo(INT8);
  }

  @Test
  void stepsAreNotNegative() {
    assertThatThrownBy(() -> new AttentionSchedule(INT8, -1, 0, Set.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("got -1 first and 0 last steps");
  }
}
