package wan4j.bench;

import java.util.List;
import wan4j.model.LatentGrid;
import wan4j.model.ResidualStream;
import wan4j.model.RotaryTable;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.Scope;
import wan4j.quant.Branch;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;

/// The blocks of a transformer on random tokens, as one rank of a group does them.
final class RandomBlocks implements AutoCloseable {
  private static final double TIMESTEP = 875;
  private static final ForwardPass PASS = ForwardPass.only(Branch.CONDITIONAL);

  private final WanTransformer transformer;
  private final Ops ops;
  private final Scope scope;
  private final Tensor x; // [tokens of a rank, dim]
  private final ResidualStream stream;
  private final TextKeys text;
  private final List<Tensor> modulations; // of every block
  private final Tensor rotary;

  /// Creates the blocks' inputs in a scope of their own for one of `share` ranks.
  RandomBlocks(Workbench bench, WanTransformer transformer, LatentGrid grid, int share) {
    ops = bench.ops();
    TransformerConfig config = transformer.config();
    this.transformer = transformer;
    scope = ops.scope();
    int rows = grid.tokens() / share;
    x = bench.random(ops.residual(), 1, rows, config.dim());
    text =
        transformer
            .core()
            .text(
                bench.random(DType.F32, 1, config.textLength(), config.textDim()),
                Branch.CONDITIONAL);
    Timesteps timesteps = new Timesteps(new double[] {TIMESTEP}, Timesteps.sharedRows(ops, rows));
    modulations = transformer.core().modulations(transformer.core().time(timesteps));
    stream = transformer.core().stream(x, timesteps);
    rotary = ops.upload(rotary(grid, share, config.headDim()), DType.F32);
  }

  /// Runs the first block once.
  void runFirst() {
    run(0);
  }

  /// Runs every block once, one after the other.
  void runAll() {
    for (int i = 0; i < modulations.size(); i++) {
      run(i);
    }
  }

  /// Runs every block once over `tokens [tokens of a rank, dim]`, which stay, and adds what is
  /// still to be added, as a forward does. Blocks that run over what they have made themselves,
  /// again and again, make all tokens alike; a card needs less power for such numbers and runs
  /// faster.
  void runAll(Tensor tokens) {
    ops.copy(tokens, x);
    runAll();
    stream.settle();
  }

  private void run(int index) {
    transformer.core().block(index, stream, modulations.get(index), text, rotary, PASS);
  }

  @Override
  public void close() {
    scope.close();
  }

  /// Returns the first rank's rows of the rotary table.
  static Tensor rotary(LatentGrid grid, int share, int headSize) {
    return RotaryTable.of(grid.frames(), grid.rows(), grid.columns(), headSize)
        .slice(0, grid.tokens() / share);
  }
}
