package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import wan4j.Task;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.RankThreads;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.ops.plan.NullOps;
import wan4j.parallel.ImaginedSharing;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.MeetingSharing;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// Two ranks with GPUs that do nothing divide a full-size network: each takes the memory that is
/// planned for it, and in a forward copies every block's other part once, from the other GPU.
final class DividedForwards {
  private static final int LAYERS = 4;
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final TransformerConfig CONFIG = RandomWeights.config(Task.T2V_A14B, LAYERS);

  private DividedForwards() {}

  public static void main(String[] arguments) {
    for (Precision precision : Precision.values()) {
      if (precision != Precision.FLOAT32) {
        run(precision);
      }
    }
  }

  private static void run(Precision precision) {
    LocalMeeting meeting = new LocalMeeting(2, LIMIT);
    var _ =
        RankThreads.together(
            meeting,
            rank -> {
              try (CudaOps ops = HollowOps.open(rank)) {
                List<Runnable> kept = new ArrayList<>();
                WeightSharing sharing = new MeetingSharing(meeting, rank, true, kept::add);
                try (DiffusionNetwork network = network(ops, precision, sharing)) {
                  assertThat(network.bytes()).isEqualTo(planned(precision));
                  if (rank == 0) {
                    forwards(ops, network);
                  }
                  meeting.meet(rank, Boolean.class, true);
                }
                meeting.meet(rank, Boolean.class, true);
                kept.forEach(Runnable::run);
              }
              return rank;
            });
  }

  private static DiffusionNetwork network(Ops ops, Precision precision, WeightSharing sharing) {
    return DiffusionNetwork.load(
        CONFIG,
        HollowGpus.weights(RandomWeights.transformer(CONFIG, 1), DType.BF16),
        ops,
        SequenceGroup.SOLO,
        PrecisionTable.of(precision, List.of()),
        sharing);
  }

  private static long planned(Precision precision) {
    try (NullOps shapes = NullOps.device(DType.BF16, DType.F32);
        DiffusionNetwork network = network(shapes, precision, new ImaginedSharing(2, true))) {
      return network.bytes();
    }
  }

  private static void forwards(CudaOps ops, DiffusionNetwork network) {
    Shape shape = Shape.of(CONFIG.outChannels(), 1, 4, 4);
    try (var _ = ops.scope()) {
      Conditions conditions = RandomConditions.of(ops, CONFIG, shape, true);
      DiffusionNetwork.Prepared prepared = network.prepare(shape, conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      Tensor sample = ops.empty(DType.F32, shape.toArray());
      for (int step = 0; step < 2; step++) {
        ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, step, 3);
        List<String> calls =
            HollowGpus.calls(() -> network.forward(sample, 900, pass, prepared, BlockRun.ALWAYS));
        assertThat(calls.stream().filter(call -> call.startsWith("copy from peer")))
            .hasSize(LAYERS);
      }
      List<String> skipped =
          HollowGpus.calls(() ->
              network.forward(
                  sample, 900, new ForwardPass(Branch.CONDITIONAL, 2, 3), prepared, (_, _) -> {}));
      assertThat(skipped).noneMatch(call -> call.startsWith("copy from peer"));
    }
  }
}
