package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.AttentionSettings.Attention;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.engine.AttentionChoice;
import wan4j.model.LatentGrid;
import wan4j.model.WanTransformer;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.QuantizedHeads;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.InputException;
import wan4j.weights.TransformerConfig;

/// The block of a transformer, as one rank of `share` ranks does it, alternating with its
/// self-attention alone, whose time varies more than the rest.
public final class BlockBenchmark {
  private BlockBenchmark() {}

  /// Measures one block on a video's tokens.
  public static List<Measurement> ofVideo(
      Workbench bench, Task task, VideoSize size, int share, Attention attention) {
    LatentGrid grid = ModelShapes.tokens(task, size);
    Attention settled = settled(bench, task, attention);
    Map<String, Object> parameters = parameters(bench, task, share, 1, settled);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    parameters.put("tokens", grid.tokens());
    return measure(bench, task, grid, share, 1, settled, parameters);
  }

  /// Measures a number of blocks on a number of tokens.
  public static List<Measurement> ofTokens(
      Workbench bench, Task task, int tokens, int share, int layers, Attention attention) {
    if (tokens < 1 || layers < 1) {
      throw new InputException(
          "got %d tokens and %d layers; give 1 or more of both".formatted(tokens, layers));
    }
    Attention settled = settled(bench, task, attention);
    Map<String, Object> parameters = parameters(bench, task, share, layers, settled);
    parameters.put("tokens", tokens);
    return measure(bench, task, new LatentGrid(1, 1, tokens), share, layers, settled, parameters);
  }

  /// Runs one block on a video's tokens again and again for a time.
  static void keepBusy(
      Workbench bench, Task task, VideoSize size, Attention attention, Duration time) {
    Attention settled = settled(bench, task, attention);
    TransformerConfig config = RandomWeights.config(task, 1);
    ShareOfGroup group = new ShareOfGroup(1, AttentionChoice.format(settled));
    try (WanTransformer transformer =
            new WanTransformer(
                config,
                RandomWeights.transformer(config, 1),
                bench.ops(),
                group,
                bench.precisions());
        RandomBlocks blocks =
            new RandomBlocks(bench, transformer, ModelShapes.tokens(task, size), 1)) {
      long start = System.nanoTime();
      while (System.nanoTime() - start < time.toNanos()) {
        blocks.runAll();
        bench.ops().synchronize();
      }
    }
  }

  private static Attention settled(Workbench bench, Task task, Attention attention) {
    return bench.settled(attention, RandomWeights.config(task, 1).headDim());
  }

  private static Map<String, Object> parameters(
      Workbench bench, Task task, int share, int layers, Attention attention) {
    Map<String, Object> parameters = bench.parameters(task, share, attention);
    parameters.put("layers", layers);
    return parameters;
  }

  private static List<Measurement> measure(
      Workbench bench,
      Task task,
      LatentGrid grid,
      int share,
      int layers,
      Attention attention,
      Map<String, Object> parameters) {
    TransformerConfig config = RandomWeights.config(task, layers);
    ShareOfGroup group = new ShareOfGroup(share, AttentionChoice.format(attention));
    group.require(grid.tokens(), config.heads());
    try (WanTransformer transformer =
            new WanTransformer(
                config,
                RandomWeights.transformer(config, 1),
                bench.ops(),
                group,
                bench.precisions());
        RandomBlocks blocks = new RandomBlocks(bench, transformer, grid, share);
        var _ = bench.ops().scope()) {
      return measure(
          bench, parameters, blocks::runAll, attention(bench, config, grid, group, layers));
    }
  }

  private static List<Measurement> measure(
      Workbench bench, Map<String, Object> parameters, Runnable blocks, Runnable attention) {
    Workbench.Rounds rounds = bench.rounds(blocks, attention);
    double[][] times = rounds.times();
    double[] rest =
        IntStream.range(0, times[0].length).mapToDouble(i -> times[0][i] - times[1][i]).toArray();
    List<Measurement> results = new ArrayList<>();
    results.add(Measurement.of("block", parameters, "self-attention alone", "ms", times[1]));
    results.add(Measurement.of("block", parameters, "time less self-attention", "ms", rest));
    results.addAll(bench.describe("block", parameters, blocks, rounds));
    return results;
  }

  /// Returns the self-attention of all layers by itself, of input that is there already.
  private static Runnable attention(
      Workbench bench, TransformerConfig config, LatentGrid grid, ShareOfGroup group, int layers) {
    Ops ops = bench.ops();
    int tokens = grid.tokens();
    int heads = config.heads() / group.ranks();
    int size = config.headDim();
    Heads random =
        new Heads(
            bench.random(ops.activation(), 1, tokens, heads, size),
            bench.random(ops.activation(), 1, tokens, heads, size),
            bench.random(ops.activation(), 1, tokens, heads, size));
    AttentionInput input =
        switch (group.attention()) {
          case AttentionFormat.Simple.PLAIN -> random;
          case AttentionFormat.EightBit format -> {
            QuantizedHeads target = QuantizedHeads.of(ops, format, tokens, tokens, heads, size);
            ops.writeHeads(random, SequenceGroup.SOLO, target);
            yield target;
          }
        };
    return () -> {
      for (int i = 0; i < layers; i++) {
        try (var _ = ops.scope()) {
          ops.attention(input, 1 / Math.sqrt(size), OperandFormat.Simple.PLAIN);
        }
      }
    };
  }
}
