package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import wan4j.ops.AttentionFormat;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.quant.Branch;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The diffusion transformer of Wan2.2: patches of noisy latents and the words of a prompt in, the
/// velocity of the flow out (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/model.py). One network serves
/// text, image and text+image to video.
public final class WanTransformer extends WeightedNetwork {
  private final Ops ops;
  private final SequenceGroup group;
  private final TransformerCore core;

  /// Loads the network onto a backend for one rank.
  public WanTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions) {
    this(config, weights, ops, group, precisions, WeightSharing.NONE);
  }

  /// Loads the network onto a backend, as ranks share its weights; every name and shape is checked
  /// against `config` first. Throws `InputException` when the weights do not fit.
  public WanTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions,
      WeightSharing sharing) {
    super(config, new NetworkWeights(weights, ops, precisions, sharing));
    this.ops = ops;
    this.group = group;
    try {
      core = new TransformerCore(config, weights, ops, group, this.weights.layers());
      this.weights.complete();
    } catch (RuntimeException | Error e) {
      this.weights.close();
      throw e;
    }
  }

  /// Returns the embeddings, blocks and head.
  public TransformerCore core() {
    return core;
  }

  /// What the forwards of a clip have in common.
  private static final class Clip implements Prepared {
    private final LatentGrid grid;
    private final Tensor rotary; // [tokens of this rank, head size]
    private final Shape tokens;
    private final Map<Branch, BranchInputs> branches = new EnumMap<>(Branch.class);

    Clip(LatentGrid grid, Tensor rotary, int dim) {
      this.grid = grid;
      this.rotary = rotary;
      tokens = Shape.of(rotary.length(0), dim);
    }

    @Override
    public Shape tokens() {
      return tokens;
    }
  }

  /// A branch's part of them: int32 `rows [tokens of this rank]` name each token's timestep.
  private record BranchInputs(Conditions.Scene conditions, Tensor rows, TextKeys text) {}

  @Override
  public Prepared prepare(Shape sample, Conditions conditions) {
    LatentGrid grid = LatentGrid.of(sample);
    Tensor whole = RotaryTable.of(grid.frames(), grid.rows(), grid.columns(), config.headDim());
    return new Clip(grid, group.share(ops, ops.upload(whole, DType.F32)), config.dim());
  }

  @Override
  public void read(Conditions conditions, Branch branch, Prepared target) {
    if (!(conditions instanceof Conditions.Scene scene)) {
      throw new IllegalArgumentException("got the conditions of another kind of network");
    }
    Clip clip = clip(target);
    BranchInputs inputs =
        clip.branches.computeIfAbsent(
            branch, _ -> new BranchInputs(scene, rows(clip.grid, scene), core.emptyText()));
    try (var _ = ops.scope()) {
      core.text(ops.upload(scene.text(), DType.F32), branch, inputs.text());
    }
  }

  /// Returns int32 `[tokens of this rank]`: 0 for tokens of frames that are given, and 1 for others
  /// where there are such.
  private Tensor rows(LatentGrid grid, Conditions.Scene conditions) {
    int[] rows = new int[grid.tokens()];
    if (conditions.givenFrames() > 0) {
      Arrays.fill(rows, conditions.givenFrames() * grid.rows() * grid.columns(), rows.length, 1);
    }
    return group.share(ops, ops.upload(Tensor.of(rows, rows.length), DType.I32));
  }

  @Override
  public Tensor forward(
      Tensor sample, double timestep, ForwardPass pass, Prepared prepared, BlockRun through) {
    Clip clip = clip(prepared);
    BranchInputs inputs = clip.branches.get(pass.branch());
    List<Tensor> latents = new ArrayList<>(List.of(sample));
    latents.addAll(inputs.conditions().beside());
    boolean isGiven = inputs.conditions().givenFrames() > 0;
    double[] distinct = isGiven ? new double[] {0, timestep} : new double[] {timestep};
    Timesteps timesteps = new Timesteps(distinct, inputs.rows());
    return forward(latents, timesteps, inputs.text(), clip.rotary, pass, through);
  }

  private static Clip clip(Prepared prepared) {
    if (prepared instanceof Clip own) {
      return own;
    }
    throw new IllegalArgumentException("got what another kind of network has prepared");
  }

  /// Returns the velocity of latents, each float32 `[channels, frames, height, width]` and stacked
  /// along channels, as float32 of that size in the innermost scope. `pass` says which of the
  /// request's forwards this is. The timesteps' rows and `rotary`, float32 `[tokens, head size]`,
  /// are those of this rank's tokens; `through` says what takes the tokens through the blocks.
  public Tensor forward(
      List<Tensor> latents,
      Timesteps timesteps,
      TextKeys text,
      Tensor rotary,
      ForwardPass pass,
      BlockRun through) {
    Tensor shape = latents.getFirst();
    Tensor velocity =
        ops.empty(
            DType.F32, config.outChannels(), shape.length(1), shape.length(2), shape.length(3));
    try (var _ = ops.scope()) {
      Tensor x = group.share(ops, core.embed(latents));
      Tensor time = core.time(timesteps);
      through.run(x, () -> blocks(x, time, timesteps, text, rotary, pass));
      core.head(x, time, timesteps, velocity);
    }
    return velocity;
  }

  /// The blocks of a forward: what makes them other work than those of another forward, their
  /// tensors apart.
  private record Blocks(WanTransformer network, Branch branch, List<AttentionFormat> formats) {}

  /// Runs all blocks over tokens `x [tokens, dim]` in place, as work that later forwards repeat.
  private void blocks(
      Tensor x, Tensor time, Timesteps timesteps, TextKeys text, Tensor rotary, ForwardPass pass) {
    List<Tensor> inputs = new ArrayList<>(List.of(x, time, timesteps.rows(), rotary));
    inputs.addAll(text.keys());
    inputs.addAll(text.values());
    ops.repeatable(
        new Blocks(this, pass.branch(), core.formats(pass)),
        inputs,
        () -> {
          try (var _ = ops.scope()) {
            List<Tensor> modulations = core.modulations(time);
            ResidualStream stream = core.stream(x, timesteps);
            for (int i = 0; i < config.layers(); i++) {
              core.block(i, stream, modulations.get(i), text, rotary, pass);
            }
            stream.settle();
          }
        });
  }
}
