package wan4j.bench;

import wan4j.model.ResidualStream;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.Ops;
import wan4j.ops.Scope;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// The first block of a transformer on random tokens, as one rank of a group does it.
final class RandomBlock implements AutoCloseable {
  private static final double TIMESTEP = 875;

  private final WanTransformer transformer;
  private final Scope scope;
  private final ResidualStream stream;
  private final TextKeys text;
  private final Tensor modulation;
  private final Tensor rotary;

  /// Creates the block's inputs in a scope of their own for one of `share` ranks.
  RandomBlock(Workbench bench, WanTransformer transformer, TokenGrid grid, int share) {
    Ops ops = bench.ops();
    TransformerConfig config = transformer.config();
    this.transformer = transformer;
    scope = ops.scope();
    int rows = grid.tokens() / share;
    Tensor x = bench.random(ops.residual(), 1, rows, config.dim());
    text =
        transformer.text(
            bench.random(DType.F32, 1, config.textLength(), config.textDim()), Branch.CONDITIONAL);
    Timesteps timesteps = new Timesteps(new double[] {TIMESTEP}, Timesteps.sharedRows(ops, rows));
    modulation = transformer.modulations(transformer.time(timesteps)).getFirst();
    stream = transformer.stream(x, timesteps);
    rotary = ops.upload(BlockBenchmark.rotary(grid, share, config.headDim()), DType.F32);
  }

  /// Runs the block once.
  void run() {
    transformer.block(0, stream, modulation, text, rotary, Branch.CONDITIONAL);
  }

  @Override
  public void close() {
    scope.close();
  }
}
