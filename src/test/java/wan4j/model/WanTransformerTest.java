package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;

/// The transformer's FP8 layers, on the demo's model.
final class WanTransformerTest {
  private final Ops ops = new CpuOps();
  private final Checkpoint checkpoint = Checkpoint.open(Path.of("demo/checkpoint/t2v"));

  @AfterEach
  void close() {
    ops.close();
    checkpoint.close();
  }

  @Test
  void aSkippedKeyTakesTheQueryAndTheValueThatRunWithItAlong() {
    try (WanTransformer transformer =
        transformer(Precision.FLOAT8_TOKEN, List.of("blocks.0.self_attn.k"))) {
      for (LinearGroup group : transformer.linearLayers()) {
        if (group.layers().getFirst().startsWith("blocks.")) {
          assertThat(group.precision())
              .as(group.layers().toString())
              .isEqualTo(
                  group.layers().contains("blocks.0.self_attn.k")
                      ? Precision.PLAIN
                      : Precision.FLOAT8_TOKEN);
        }
      }
    }
  }

  @Test
  void theTextOfOneBranchDoesNotScaleThatOfTheOther() {
    try (WanTransformer both = transformer(Precision.FLOAT8_DELAYED, List.of());
        WanTransformer one = transformer(Precision.FLOAT8_DELAYED, List.of())) {
      both.text(text(both, 1), Branch.CONDITIONAL);
      TextKeys after = both.text(text(both, 8), Branch.UNCONDITIONAL);
      TextKeys alone = one.text(text(one, 8), Branch.UNCONDITIONAL);
      assertThat(values(after)).isEqualTo(values(alone));
    }
  }

  @Test
  void aRestartForgetsTheScalesOfEarlierForwards() {
    try (WanTransformer transformer = transformer(Precision.FLOAT8_DELAYED, List.of())) {
      float[] first = values(transformer.text(text(transformer, 1), Branch.CONDITIONAL));
      transformer.text(text(transformer, 8), Branch.CONDITIONAL);
      float[] later = values(transformer.text(text(transformer, 1), Branch.CONDITIONAL));
      assertThat(later).isNotEqualTo(first);
      transformer.restart();
      float[] again = values(transformer.text(text(transformer, 1), Branch.CONDITIONAL));
      assertThat(again).isEqualTo(first);
    }
  }

  private WanTransformer transformer(Precision recipe, List<String> skipped) {
    return new WanTransformer(
        checkpoint.config(),
        checkpoint.transformer(Expert.HIGH_NOISE),
        ops,
        SequenceGroup.SOLO,
        PrecisionTable.of(recipe, skipped));
  }

  private Tensor text(WanTransformer transformer, float size) {
    int dim = transformer.config().textDim();
    float[] states = new float[5 * dim];
    for (int i = 0; i < states.length; i++) {
      states[i] = size * (float) Math.sin(i);
    }
    return ops.upload(Tensor.of(states, 5, dim), DType.F32);
  }

  private float[] values(TextKeys text) {
    return ops.download(text.values().getFirst()).toFloats();
  }
}
