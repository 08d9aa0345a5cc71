package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.AttentionSettings.Attention;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.engine.AttentionChoice;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LatentGrid;
import wan4j.model.SpeechTransformer;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// A whole forward of a transformer, embedding and head included, as one rank of `share` ranks does
/// it.
public final class ForwardBenchmark {
  private static final String NAME = "forward";
  private static final double TIMESTEP = 875;
  private static final ForwardPass PASS = ForwardPass.only(Branch.CONDITIONAL);

  private ForwardBenchmark() {}

  /// Measures a forward with a number of blocks, 0 for all; of speech to video a forward of the
  /// first clip and one of a later clip, which has more tokens.
  public static List<Measurement> run(
      Workbench bench, Task task, VideoSize size, int share, int layers, Attention attention) {
    int blocks = RandomWeights.layers(task, layers);
    TransformerConfig config = RandomWeights.config(task, blocks);
    LatentGrid grid = ModelShapes.tokens(task, size);
    Shape sample =
        Shape.of(
            config.outChannels(),
            grid.frames(),
            (long) LatentGrid.PATCH * grid.rows(),
            (long) LatentGrid.PATCH * grid.columns());
    Attention settled = bench.settled(attention, config.headDim());
    ShareOfGroup group = new ShareOfGroup(share, AttentionChoice.format(settled));
    List<Boolean> clips = task == Task.S2V_14B ? List.of(false, true) : List.of(false);
    clips.forEach(isLater -> group.require(tokens(config, sample, isLater), config.heads()));
    Map<String, Object> parameters = bench.parameters(task, share, settled);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    parameters.put("layers", blocks);
    List<Measurement> results = new ArrayList<>();
    try (DiffusionNetwork network =
        DiffusionNetwork.load(
            config, RandomWeights.transformer(config, 1), bench.ops(), group, bench.precisions())) {
      for (boolean isLater : clips) {
        parameters.put("tokens", tokens(config, sample, isLater));
        if (clips.size() > 1) {
          parameters.put("clip", isLater ? "later" : "first");
        }
        results.addAll(measure(bench, network, sample, isLater, share, parameters));
      }
    }
    return results;
  }

  private static int tokens(TransformerConfig config, Shape sample, boolean isLater) {
    return config.speech() == null
        ? LatentGrid.of(sample).tokens()
        : SpeechTransformer.tokens(config, sample, isLater);
  }

  private static List<Measurement> measure(
      Workbench bench,
      DiffusionNetwork network,
      Shape shape,
      boolean isLater,
      int share,
      Map<String, Object> parameters) {
    Ops ops = bench.ops();
    try (var _ = ops.scope()) {
      Conditions conditions = RandomConditions.of(ops, network.config(), shape, isLater);
      DiffusionNetwork.Prepared prepared = network.prepare(shape, conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      Tensor sample = bench.random(DType.F32, 1, shape.toArray());
      Runnable forward =
          () -> {
            try (var _ = ops.scope()) {
              network.forward(sample, TIMESTEP, PASS, prepared, BlockRun.ALWAYS);
            }
          };
      List<Measurement> results = new ArrayList<>();
      if (network instanceof WanTransformer transformer) {
        Tensor tokens = ops.empty(ops.residual(), prepared.tokens().toArray());
        try (var _ = ops.scope()) {
          network.forward(
              sample, TIMESTEP, PASS, prepared, (embedded, _) -> ops.copy(embedded, tokens));
        }
        results.addAll(
            besideItsBlocks(bench, transformer, shape, share, parameters, tokens, forward));
      } else {
        results.addAll(bench.measure(NAME, parameters, forward));
      }
      if (bench.hasHost()) {
        results.add(bench.hostOverhead(NAME, parameters, forward));
      }
      return results;
    }
  }

  /// Measures a forward in turn with its blocks alone, each time over the tokens that a forward
  /// gives them, so that both see the same numbers and the same clock of the card.
  private static List<Measurement> besideItsBlocks(
      Workbench bench,
      WanTransformer transformer,
      Shape shape,
      int share,
      Map<String, Object> parameters,
      Tensor tokens,
      Runnable forward) {
    try (RandomBlocks blocks = new RandomBlocks(bench, transformer, LatentGrid.of(shape), share)) {
      Workbench.Rounds rounds = bench.rounds(forward, () -> blocks.runAll(tokens));
      double[] whole = rounds.times()[0];
      double[] alone = rounds.times()[1];
      double[] ratios =
          IntStream.range(0, whole.length).mapToDouble(i -> whole[i] / alone[i]).toArray();
      List<Measurement> results =
          new ArrayList<>(bench.describe(NAME, parameters, forward, rounds));
      results.add(Measurement.of(NAME, parameters, "its blocks alone", "ms", alone));
      results.add(Measurement.of(NAME, parameters, "time over its blocks'", "", ratios));
      return results;
    }
  }
}
