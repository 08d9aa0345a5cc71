package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.tensor.InputException;

/// What a checkpoint's inspection tells about FP8.
final class InspectionTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  @Test
  void everyLayerIsNamedOnceWithTheReasonOfItsArithmetic() {
    List<LayerPlan> plans = Inspection.of(DEMO).layers();
    assertThat(plans.stream().flatMap(plan -> plan.layers().stream()))
        .doesNotHaveDuplicates()
        .hasSize(7 + 5 * 10);
    assertThat(plans).allSatisfy(plan -> assertThat(plan.reason()).isNotBlank());
    assertThat(plans)
        .filteredOn(plan -> plan.layers().contains("head.head"))
        .extracting(LayerPlan::precision)
        .containsExactly("fp32");
  }

  @Test
  void whatIsSkippedIsToldWithTheLayersThatRunWithIt() {
    Inspection inspection = Inspection.of(DEMO, "64*64", 5, List.of("blocks.4.self_attn.v"));
    assertThat(inspection.lines())
        .contains(
            "  bf16  blocks.4.self_attn.q, blocks.4.self_attn.k, blocks.4.self_attn.v: --fp8_skip"
                + " names it");
    assertThatThrownBy(() -> Inspection.of(DEMO, "64*64", 5, List.of("blocks.5")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks.5");
  }
}
