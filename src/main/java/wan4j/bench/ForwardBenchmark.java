package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.ShareOfGroup;
import wan4j.model.BlockRun;
import wan4j.model.LatentGrid;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// A whole forward of a transformer, embedding and head included, as one rank of `share` ranks does
/// it.
public final class ForwardBenchmark {
  private static final double TIMESTEP = 875;

  private ForwardBenchmark() {}

  /// Measures a forward with a number of blocks, 0 for all.
  public static List<Measurement> run(
      Workbench bench, Task task, VideoSize size, int share, int layers) {
    int blocks = RandomWeights.layers(task, layers);
    TransformerConfig config = RandomWeights.config(task, blocks);
    LatentGrid grid = ModelShapes.tokens(task, size);
    ShareOfGroup group = new ShareOfGroup(share);
    group.require(grid.tokens(), config.heads());
    Map<String, Object> parameters = bench.parameters(task, share);
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    parameters.put("tokens", grid.tokens());
    parameters.put("layers", blocks);
    Ops ops = bench.ops();
    try (WanTransformer transformer =
            new WanTransformer(
                config, RandomWeights.transformer(config, 1), ops, group, bench.precisions());
        var _ = ops.scope()) {
      int rows = grid.tokens() / share;
      int height = LatentGrid.PATCH * grid.rows();
      int width = LatentGrid.PATCH * grid.columns();
      Tensor latents =
          bench.random(DType.F32, 1, config.inChannels(), grid.frames(), height, width);
      TextKeys text =
          transformer
              .core()
              .text(
                  bench.random(DType.F32, 1, config.textLength(), config.textDim()),
                  Branch.CONDITIONAL);
      Timesteps timesteps = new Timesteps(new double[] {TIMESTEP}, Timesteps.sharedRows(ops, rows));
      Tensor rotary = ops.upload(RandomBlocks.rotary(grid, share, config.headDim()), DType.F32);
      ForwardPass pass = ForwardPass.only(Branch.CONDITIONAL);
      Runnable forward =
          () -> {
            try (var _ = ops.scope()) {
              transformer.forward(List.of(latents), timesteps, text, rotary, pass, BlockRun.ALWAYS);
            }
          };
      List<Measurement> results = new ArrayList<>(bench.measure("forward", parameters, forward));
      if (bench.hasHost()) {
        results.add(bench.hostOverhead("forward", parameters, forward));
      }
      return results;
    }
  }
}
