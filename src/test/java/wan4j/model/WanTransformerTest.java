package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import wan4j.cpu.CpuOps;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.ForwardPass;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.plan.NullOps;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Storage;
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
      both.core().text(text(both, 1), Branch.CONDITIONAL);
      TextKeys after = both.core().text(text(both, 8), Branch.UNCONDITIONAL);
      TextKeys alone = one.core().text(text(one, 8), Branch.UNCONDITIONAL);
      assertThat(values(after)).isEqualTo(values(alone));
    }
  }

  @Test
  void aRestartForgetsTheScalesOfEarlierForwards() {
    try (WanTransformer transformer = transformer(Precision.FLOAT8_DELAYED, List.of())) {
      float[] first = values(transformer.core().text(text(transformer, 1), Branch.CONDITIONAL));
      transformer.core().text(text(transformer, 8), Branch.CONDITIONAL);
      float[] later = values(transformer.core().text(text(transformer, 1), Branch.CONDITIONAL));
      assertThat(later).isNotEqualTo(first);
      transformer.restart();
      float[] again = values(transformer.core().text(text(transformer, 1), Branch.CONDITIONAL));
      assertThat(again).isEqualTo(first);
    }
  }

  /// A group of one that notes what it is asked.
  private record Noting(List<String> asked) implements SequenceGroup {
    @Override
    public Tensor share(Ops ops, Tensor tokens) {
      return SOLO.share(ops, tokens);
    }

    @Override
    public Span span(int tokens) {
      return SOLO.span(tokens);
    }

    @Override
    public AttentionFormat format(ForwardPass pass, int layer) {
      asked.add("%s %d/%d %d".formatted(pass.branch(), pass.step(), pass.steps(), layer));
      return SOLO.format(pass, layer);
    }

    @Override
    public void agree(Ops ops, Reduction reduction, Tensor statistics) {
      throw new AssertionError("plain heads go by no statistics");
    }

    @Override
    public Operand attention(Ops ops, AttentionInput input, double scale, OperandFormat want) {
      return SOLO.attention(ops, input, scale, want);
    }

    @Override
    public Tensor gather(Ops ops, Tensor tokens) {
      return SOLO.gather(ops, tokens);
    }
  }

  @Test
  void theGroupNamesTheFormatOfEveryStepAndLayer() {
    Noting group = new Noting(new ArrayList<>());
    try (NullOps shapes = new NullOps();
        WanTransformer transformer = transformer(shapes, group)) {
      forward(shapes, transformer, new ForwardPass(Branch.UNCONDITIONAL, 3, 5));
    }
    List<String> layers =
        IntStream.range(0, checkpoint.config().layers())
            .mapToObj(layer -> "UNCONDITIONAL 3/5 " + layer)
            .toList();
    assertThat(group.asked).containsAll(layers);
    assertThat(Set.copyOf(group.asked)).hasSameSizeAs(layers);
  }

  @Test
  void theBlocksOfABranchRepeatUnderOneKeyOnTheSameTensors() {
    List<Object> keys = new ArrayList<>();
    List<List<Storage>> places = new ArrayList<>();
    Ops noting =
        (Ops)
            Proxy.newProxyInstance(
                Ops.class.getClassLoader(),
                new Class<?>[] {Ops.class},
                (_, method, arguments) -> {
                  if (method.getName().equals("repeatable")) {
                    keys.add(arguments[0]);
                    places.add(
                        ((List<?>) arguments[1])
                            .stream().map(input -> ((Tensor) input).storage()).toList());
                  }
                  return method.invoke(ops, arguments);
                });
    try (WanTransformer transformer = transformer(noting, SequenceGroup.SOLO)) {
      forward(noting, transformer, new ForwardPass(Branch.CONDITIONAL, 0, 2));
      forward(noting, transformer, new ForwardPass(Branch.CONDITIONAL, 1, 2));
      forward(noting, transformer, new ForwardPass(Branch.UNCONDITIONAL, 1, 2));
    }
    assertThat(keys.get(1)).isEqualTo(keys.get(0)).isNotEqualTo(keys.get(2));
    assertThat(places.get(1)).isEqualTo(places.get(0)).isNotEmpty();
  }

  private static void forward(Ops ops, WanTransformer transformer, ForwardPass pass) {
    int channels = transformer.config().inChannels();
    int headSize = transformer.config().headDim();
    try (var _ = ops.scope()) {
      Tensor latents =
          ops.upload(Tensor.of(new float[channels * 16], channels, 1, 4, 4), DType.F32);
      Tensor states =
          ops.upload(
              Tensor.of(
                  new float[transformer.config().textDim()], 1, transformer.config().textDim()),
              DType.F32);
      transformer.forward(
          List.of(latents),
          new Timesteps(new double[] {500}, Timesteps.sharedRows(ops, 4)),
          transformer.core().text(states, pass.branch()),
          ops.upload(RotaryTable.of(1, 2, 2, headSize), DType.F32),
          pass,
          BlockRun.ALWAYS);
    }
  }

  private WanTransformer transformer(Precision recipe, List<String> skipped) {
    return transformer(ops, SequenceGroup.SOLO, PrecisionTable.of(recipe, skipped));
  }

  private WanTransformer transformer(Ops backend, SequenceGroup group) {
    return transformer(backend, group, PrecisionTable.of(Precision.PLAIN, List.of()));
  }

  private WanTransformer transformer(Ops backend, SequenceGroup group, PrecisionTable table) {
    return new WanTransformer(
        checkpoint.config(), checkpoint.transformer(Expert.HIGH_NOISE), backend, group, table);
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
