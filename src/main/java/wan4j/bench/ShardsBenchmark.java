package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.AttentionSettings.Attention;
import wan4j.Ranks;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.engine.AttentionChoice;
import wan4j.engine.RankLinks;
import wan4j.engine.RankThreads;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LatentGrid;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// What it costs that ranks divide a transformer's weights: a forward's part of one of `share`
/// ranks, with all weights on its device and with those of its blocks divided, in turn.
///
/// Ranks with a GPU each compute at the same time, so that each copies from others that compute.
/// Where they share one GPU the first alone computes: its copies read and write the memory of that
/// GPU as often as its own copies and those of the others would, but come over no link.
public final class ShardsBenchmark {
  private static final String NAME = "shards";
  private static final double TIMESTEP = 875;
  private static final ForwardPass PASS = ForwardPass.only(Branch.CONDITIONAL);
  private static final Duration LIMIT = Duration.ofMinutes(10); // to load, or to measure

  private final Workbench bench;
  private final TransformerConfig config;
  private final Shape sample;
  private final SequenceGroup group;
  private final Map<String, Object> parameters;

  private ShardsBenchmark(
      Workbench bench,
      TransformerConfig config,
      Shape sample,
      SequenceGroup group,
      Map<String, Object> parameters) {
    this.bench = bench;
    this.config = config;
    this.sample = sample;
    this.group = group;
    this.parameters = parameters;
  }

  /// Measures a task's transformer with a number of blocks, 0 for all; `ranks` divide its weights,
  /// and each computes what one of `share` would.
  public static List<Measurement> run(
      Workbench bench,
      Task task,
      VideoSize size,
      int layers,
      int share,
      Attention attention,
      Ranks ranks) {
    TransformerConfig config = RandomWeights.config(task, RandomWeights.layers(task, layers));
    LatentGrid grid = ModelShapes.tokens(task, size);
    Attention settled = bench.settled(attention, config.headDim());
    ShareOfGroup group = new ShareOfGroup(share, AttentionChoice.format(settled));
    group.require(grid.tokens(), config.heads());
    Map<String, Object> parameters = bench.parameters(task, share, settled);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    Shape sample =
        Shape.of(
            config.outChannels(),
            grid.frames(),
            (long) LatentGrid.PATCH * grid.rows(),
            (long) LatentGrid.PATCH * grid.columns());
    return run(bench, config, sample, group, parameters, ranks);
  }

  /// Measures a transformer over a sample.
  static List<Measurement> run(
      Workbench bench,
      TransformerConfig config,
      Shape sample,
      SequenceGroup group,
      Map<String, Object> parameters,
      Ranks ranks) {
    if (ranks.isAlone()) {
      throw new InputException("--gpus got 1, which has nothing to divide; give 2 or more");
    }
    BenchRanks.require(bench.settings().device(), ranks);
    parameters.put("layers", config.layers());
    parameters.put("ranks", ranks.count());
    if (!ranks.sharesGpu() && bench.hasHost()) {
      parameters.put("gpus", ranks.count());
    }
    LocalMeeting meeting = new LocalMeeting(ranks.count(), LIMIT);
    return RankThreads.together(
        meeting,
        rank -> {
          if (rank == 0) {
            return new ShardsBenchmark(bench, config, sample, group, parameters)
                .ofRank(meeting, rank, ranks);
          }
          try (Workbench own =
              new Workbench(bench.settings(), BenchRanks.open(bench.settings(), ranks, rank))) {
            return new ShardsBenchmark(own, config, sample, group, parameters)
                .ofRank(meeting, rank, ranks);
          }
        });
  }

  private List<Measurement> ofRank(Meeting meeting, int rank, Ranks ranks) {
    List<Measurement> results = List.of();
    try (RankLinks links = RankLinks.of(bench.backend(), meeting, rank, ranks)) {
      boolean computes = rank == 0 || !ranks.sharesGpu();
      WeightSharing own = ranks.sharesGpu() ? WeightSharing.NONE : links.sharing(false);
      try (DiffusionNetwork whole = computes ? network(own) : null;
          DiffusionNetwork divided = network(links.sharing(true))) {
        if (computes) {
          results = measured(whole, divided);
        }
      }
      meeting.meet(rank, Boolean.class, true); // the others' parts are there until all are done
    }
    return results;
  }

  private DiffusionNetwork network(WeightSharing sharing) {
    return DiffusionNetwork.load(
        config,
        RandomWeights.transformer(config, 1),
        bench.ops(),
        group,
        bench.precisions(),
        sharing);
  }

  private List<Measurement> measured(DiffusionNetwork whole, DiffusionNetwork divided) {
    Ops ops = bench.ops();
    try (var _ = ops.scope()) {
      Tensor noise = bench.random(DType.F32, 1, sample.toArray());
      double[][] times =
          bench.rounds(forward(ops, whole, noise), forward(ops, divided, noise)).times();
      double[] slower =
          IntStream.range(0, times[0].length)
              .mapToDouble(i -> 100 * (times[1][i] / times[0][i] - 1))
              .toArray();
      List<Measurement> results = new ArrayList<>();
      add(results, "forward, weights whole", "ms", times[0]);
      add(results, "forward, weights divided", "ms", times[1]);
      add(results, "slow-down", "%", slower);
      add(results, "weights of a rank, whole", "GB", whole.bytes() / 1e9);
      add(results, "weights of a rank, divided", "GB", divided.bytes() / 1e9);
      return results;
    }
  }

  private void add(List<Measurement> results, String metric, String unit, double... values) {
    results.add(Measurement.of(NAME, parameters, metric, unit, values));
  }

  private Runnable forward(Ops ops, DiffusionNetwork network, Tensor noise) {
    Conditions conditions = RandomConditions.of(ops, config, sample, true);
    DiffusionNetwork.Prepared prepared = network.prepare(sample, conditions);
    network.read(conditions, Branch.CONDITIONAL, prepared);
    return () -> {
      try (var _ = ops.scope()) {
        network.forward(noise, TIMESTEP, PASS, prepared, BlockRun.ALWAYS);
      }
    };
  }
}
