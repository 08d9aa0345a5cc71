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
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.LatentGrid;
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
  private static final double TIMESTEP = 875;
  private static final int PICTURE_TOKENS = 257;
  private static final int PICTURE_WIDTH = 1280;
  private static final int FACE_SIZE = 512;

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
    try (DiffusionNetwork transformer =
            DiffusionNetwork.load(
                config, RandomWeights.transformer(config, 1), ops, group, bench.precisions());
        var _ = ops.scope()) {
      int height = LatentGrid.PATCH * grid.rows();
      int width = LatentGrid.PATCH * grid.columns();
      Tensor sample =
          bench.random(DType.F32, 1, config.outChannels(), grid.frames(), height, width);
      DiffusionNetwork.Prepared prepared = transformer.prepare(sample.shape());
      transformer.read(conditions(bench, config, sample), Branch.CONDITIONAL, prepared);
      ForwardPass pass = ForwardPass.only(Branch.CONDITIONAL);
      Runnable forward =
          () -> {
            try (var _ = ops.scope()) {
              transformer.forward(sample, TIMESTEP, pass, prepared, BlockRun.ALWAYS);
            }
          };
      List<Measurement> results = new ArrayList<>(bench.measure("forward", parameters, forward));
      if (bench.hasHost()) {
        results.add(bench.hostOverhead("forward", parameters, forward));
      }
      return results;
    }
  }

  /// Returns random conditions of a sample, in its scope.
  private static Conditions conditions(Workbench bench, TransformerConfig config, Tensor sample) {
    Tensor text = host(bench, config.textLength(), config.textDim());
    int others = config.inChannels() - config.outChannels();
    int frames = sample.length(1);
    int height = sample.length(2);
    int width = sample.length(3);
    Tensor beside = others == 0 ? null : bench.random(DType.F32, 1, others, frames, height, width);
    if (!config.seesPicture()) {
      return new Conditions.Scene(text, beside == null ? List.of() : List.of(beside), 0);
    }
    int faces = LatentGrid.videoFrames(frames - 1);
    return new Conditions.Character(
        text,
        host(bench, PICTURE_TOKENS, PICTURE_WIDTH),
        beside,
        bench.random(DType.F32, 1, config.outChannels(), frames - 1, height, width),
        Tensor.zeros(DType.U8, Shape.of(faces, FACE_SIZE, FACE_SIZE, 3)));
  }

  private static Tensor host(Workbench bench, long rows, long columns) {
    try (var _ = bench.ops().scope()) {
      return bench.ops().download(bench.random(DType.F32, 1, rows, columns));
    }
  }
}
