package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import wan4j.Task;
import wan4j.bench.random.RandomWeights;
import wan4j.model.RotaryTable;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// Runs forwards on a GPU that does nothing and requires that their blocks are done, recorded as
/// the same calls, and then played; and done anew when something has changed.
final class RecordedForwards {
  private static final int FORWARDS = 6;
  private static final int CHANGED = 5; // before this one something changes
  private static final int FRAMES = 5;
  private static final int SIDE = 8;

  private RecordedForwards() {}

  public static void main(String[] arguments) {
    for (Precision recipe : List.of(Precision.PLAIN, Precision.FLOAT8_DELAYED)) {
      check(recipe, forwards(recipe, Long.MAX_VALUE));
      assertThat(forwards(recipe, FRAMES * SIDE * SIDE - 1))
          .as("%s, of more tokens", recipe)
          .hasSize(FORWARDS)
          .allMatch(calls -> calls.size() > 20 && !calls.getFirst().startsWith("begin record"));
    }
  }

  private static void check(Precision recipe, List<List<String>> forwards) {
    int first = 0;
    while (!forwards.get(first).getFirst().startsWith("begin record")) {
      first++;
    }
    assertThat(first).as("%s, done before", recipe).isBetween(2, CHANGED - 2);
    List<String> recorded = new ArrayList<>(forwards.get(first));
    assertThat(recorded.removeFirst()).isEqualTo("begin record 1");
    String played = recorded.removeLast();
    assertThat(played).matches("play [0-9a-f]+ 1");
    assertThat(recorded.removeLast()).isEqualTo("destroy graph 7");
    assertThat(recorded.removeLast()).matches("make record [0-9a-f]+ of 7");
    assertThat(recorded.removeLast()).isEqualTo("end record 1");
    assertThat(recorded).as("%s, recorded", recipe).isEqualTo(forwards.get(first - 1));
    for (int step = first + 1; step < CHANGED; step++) {
      assertThat(forwards.get(step)).as("%s, played", recipe).containsExactly(played);
    }
    List<String> changed = forwards.get(CHANGED);
    assertThat(changed.subList(0, 2))
        .containsExactly("synchronize", "destroy record " + played.split(" ", -1)[1]);
    assertThat(changed)
        .as("%s, changed", recipe)
        .hasSizeGreaterThan(20)
        .noneMatch(call -> call.startsWith("play") || call.startsWith("begin record"));
  }

  /// Returns the calls of the blocks of each forward.
  private static List<List<String>> forwards(Precision recipe, long rows) {
    TransformerConfig config = RandomWeights.config(Task.T2V_A14B, 1);
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    List<List<String>> calls = new ArrayList<>();
    try (CudaOps ops = HollowOps.open(0);
        WanTransformer network =
            new WanTransformer(
                config,
                HollowGpus.weights(RandomWeights.transformer(config, 1), DType.BF16),
                ops,
                SequenceGroup.SOLO,
                table);
        var _ = ops.scope()) {
      ops.recordUpTo(rows);
      Tensor latents = ops.empty(DType.F32, config.inChannels(), FRAMES, 2L * SIDE, 2L * SIDE);
      Tensor rowsOfTime = Timesteps.sharedRows(ops, FRAMES * SIDE * SIDE);
      Tensor rotary = ops.upload(RotaryTable.of(FRAMES, SIDE, SIDE, config.headDim()), DType.F32);
      TextKeys text =
          network.core().text(ops.empty(DType.F32, 20, config.textDim()), Branch.CONDITIONAL);
      for (int step = 0; step < FORWARDS; step++) {
        if (step == CHANGED) {
          ops.preferOurAttention();
        }
        Timesteps timesteps = new Timesteps(new double[] {1000 - 100 * step}, rowsOfTime);
        ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, step, FORWARDS);
        try (var _ = ops.scope()) {
          network.forward(
              List.of(latents),
              timesteps,
              text,
              rotary,
              pass,
              (_, blocks) -> calls.add(HollowGpus.calls(blocks)));
        }
      }
    }
    return calls;
  }
}
