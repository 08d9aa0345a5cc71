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
      List<List<String>> done = forwards(recipe, 0);
      assertThat(done.get(CHANGED - 1)).as("%s", recipe).hasSizeGreaterThan(20);
      List<List<String>> recorded = forwards(recipe, Long.MAX_VALUE);
      assertThat(recorded.get(1)).as("%s, done", recipe).isEqualTo(done.get(1));
      List<String> calls = new ArrayList<>(recorded.get(2));
      assertThat(calls.removeFirst()).isEqualTo("begin record 1");
      assertThat(calls.removeLast()).matches("play [0-9a-f]+ 1");
      assertThat(calls.removeLast()).isEqualTo("destroy graph 7");
      assertThat(calls.removeLast()).matches("make record [0-9a-f]+ of 7");
      assertThat(calls.removeLast()).isEqualTo("end record 1");
      assertThat(calls).as("%s, recorded", recipe).isEqualTo(done.get(2));
      String played = recorded.get(2).getLast();
      assertThat(recorded.get(3)).as("%s, played", recipe).containsExactly(played);
      assertThat(recorded.get(4)).as("%s, played", recipe).containsExactly(played);
      List<String> changed = new ArrayList<>(recorded.get(CHANGED));
      assertThat(changed.removeFirst()).isEqualTo("synchronize");
      assertThat(changed.removeFirst()).isEqualTo("destroy record " + played.split(" ", -1)[1]);
      assertThat(changed).as("%s, changed", recipe).isEqualTo(done.get(CHANGED));
      assertThat(forwards(recipe, FRAMES * SIDE * SIDE - 1)).as("too long").isEqualTo(done);
    }
  }

  /// Returns the calls of the blocks of each forward.
  private static List<List<String>> forwards(Precision recipe, long rows) {
    TransformerConfig config = RandomWeights.config(Task.T2V_A14B, 1);
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    List<List<String>> calls = new ArrayList<>();
    try (CudaOps ops = HollowOps.open(0);
        WanTransformer network =
            new WanTransformer(
                config, RandomWeights.transformer(config, 1), ops, SequenceGroup.SOLO, table);
        var _ = ops.scope()) {
      ops.recordUpTo(rows);
      Tensor latents = ops.empty(DType.F32, config.inChannels(), FRAMES, 2L * SIDE, 2L * SIDE);
      Tensor rowsOfTime = Timesteps.sharedRows(ops, FRAMES * SIDE * SIDE);
      Tensor rotary = ops.upload(RotaryTable.of(FRAMES, SIDE, SIDE, config.headDim()), DType.F32);
      TextKeys text = network.text(ops.empty(DType.F32, 20, config.textDim()), Branch.CONDITIONAL);
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
