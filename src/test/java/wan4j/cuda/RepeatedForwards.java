package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import wan4j.Task;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Runs forwards of full-size networks on GPUs that do nothing and requires that the blocks of one
/// make the same calls, with the same arguments, as those of the one before: so a record of them
/// can be played in their place.
final class RepeatedForwards {
  private static final int LAYERS = 2; // later blocks only repeat the second
  private static final int FORWARDS = 4; // the first makes plans, the second knows scales
  private static final int FRAMES = 5;
  private static final int MANY =
      16; // rows and columns: 1,280 tokens, which wan4j's kernel attends
  private static final int FEW = 8; // 320, which go through the library unless it is preferred

  private record Blocks(
      List<String> calls, CudaOps.LaunchState before, CudaOps.LaunchState after) {}

  private RepeatedForwards() {}

  public static void main(String[] arguments) {
    for (int gpu = 0; gpu < 3; gpu++) { // which lack products and engines, one more than the other
      for (Precision recipe : Precision.values()) {
        if (recipe != Precision.FLOAT32) { // a layer's, never a network's
          for (Task task : List.of(Task.T2V_A14B, Task.S2V_14B, Task.ANIMATE_14B)) {
            try (CudaOps ops = HollowOps.open(gpu)) {
              forwards(ops, task, recipe, gpu == 0 ? MANY : FEW);
            }
          }
        }
      }
    }
  }

  private static void forwards(CudaOps ops, Task task, Precision recipe, int side) {
    TransformerConfig config = RandomWeights.config(task, LAYERS);
    PrecisionTable table = PrecisionTable.of(recipe, List.of());
    Map<Branch, List<Blocks>> seen = new EnumMap<>(Branch.class);
    Weights weights = HollowGpus.weights(RandomWeights.transformer(config, 1), DType.BF16);
    try (DiffusionNetwork network =
            DiffusionNetwork.load(config, weights, ops, SequenceGroup.SOLO, table);
        var _ = ops.scope()) {
      Tensor sample = ops.empty(DType.F32, config.outChannels(), FRAMES, 2L * side, 2L * side);
      Conditions conditions = RandomConditions.of(ops, config, sample.shape(), true);
      DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
      for (Branch branch : Branch.values()) {
        network.read(conditions, branch, prepared);
      }
      for (int step = 0; step <= FORWARDS; step++) {
        if (step == FORWARDS) {
          ops.preferOurAttention(); // other calls in the last
        }
        for (Branch branch : Branch.values()) {
          ForwardPass pass = new ForwardPass(branch, step, FORWARDS + 1);
          BlockRun through =
              (_, blocks) ->
                  seen.computeIfAbsent(branch, _ -> new ArrayList<>()).add(run(ops, blocks));
          try (var _ = ops.scope()) {
            network.forward(sample, 1000 - 100.0 * step, pass, prepared, through);
          }
        }
      }
    }
    seen.values().forEach(blocks -> check(recipe, blocks));
    if (side == FEW) {
      seen.values().forEach(blocks -> checkOther(recipe, blocks));
    }
  }

  private static Blocks run(CudaOps ops, Runnable blocks) {
    CudaOps.LaunchState before = ops.launchState();
    List<String> calls = HollowGpus.calls(blocks);
    return new Blocks(calls, before, ops.launchState());
  }

  private static void check(Precision recipe, List<Blocks> forwards) {
    Blocks first = forwards.getFirst();
    Blocks third = forwards.get(2);
    Blocks fourth = forwards.get(3);
    String what = recipe.toString();
    if (recipe == Precision.FLOAT8_DELAYED) { // scales become known in the first
      assertThat(third.before().calibrated())
          .as(what)
          .containsAll(first.before().calibrated())
          .hasSizeGreaterThan(first.before().calibrated().size());
    }
    assertThat(third.calls()).as(what).hasSizeGreaterThan(10 * LAYERS);
    for (int i = 0; i < third.calls().size() && i < fourth.calls().size(); i++) {
      assertThat(fourth.calls().get(i)).as("%s, call %d", what, i).isEqualTo(third.calls().get(i));
    }
    assertThat(fourth.calls()).as(what).hasSameSizeAs(third.calls());
    assertThat(fourth.before()).as(what).isEqualTo(third.before());
    assertThat(fourth.after()).as(what).isEqualTo(third.before());
    assertThat(fourth.calls())
        .as("%s queues work and does nothing else", what)
        .allMatch(call -> call.matches("(launch|multiply|copy on|fill|set) .*|execute"));
  }

  /// The last forward was attended otherwise.
  private static void checkOther(Precision recipe, List<Blocks> forwards) {
    Blocks fourth = forwards.get(3);
    Blocks last = forwards.getLast();
    assertThat(last.calls()).as(recipe.toString()).isNotEqualTo(fourth.calls());
    assertThat(last.before()).as(recipe.toString()).isNotEqualTo(fourth.after());
  }
}
