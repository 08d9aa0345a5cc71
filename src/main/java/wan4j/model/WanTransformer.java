package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.ForwardPass;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.SavedState;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.LoraApplication;
import wan4j.weights.lora.LoraTerm;

/// The diffusion transformer of Wan2.2: patches of noisy latents and the words of a prompt in, the
/// velocity of the flow out (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/model.py). One network serves
/// text, image and text+image to video.
public final class WanTransformer implements DiffusionNetwork {
  private final TransformerConfig config;
  private final Ops ops;
  private final SequenceGroup group;
  private final Weights weights;
  private final LoadedParameters parameters;
  private Parameters loras;

  private final Linear patchEmbedding;
  private final Linear textIn;
  private final Linear textOut;
  private final Linear timeIn;
  private final Linear timeOut;
  private final Linear timeProjection;
  private final List<WanBlock> blocks;
  private final Tensor headModulation;
  private final Linear head;
  private final List<LinearGroup> linearLayers;

  /// Loads the network onto a backend; every name and shape is checked against `config` first.
  /// Throws `InputException` when the weights do not fit.
  public WanTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions) {
    this.config = config;
    this.ops = ops;
    this.group = group;
    this.weights = weights;
    parameters = new LoadedParameters(ops.parameters());
    loras = ops.parameters();
    int dim = config.dim();
    var layers = new LayerLoader(parameters, precisions);

    try {
      patchEmbedding = layers.linear(weights, "patch_embedding", dim, config.patchInputs());
      textIn = layers.linear(weights, "text_embedding.0", dim, config.textDim());
      textOut = layers.linear(weights, "text_embedding.2", dim, dim);
      timeIn = layers.linear(weights, "time_embedding.0", dim, config.frequencyDim());
      timeOut = layers.linear(weights, "time_embedding.2", dim, dim);
      timeProjection = layers.linear(weights, "time_projection.1", 6L * dim, dim);
      blocks =
          IntStream.range(0, config.layers())
              .mapToObj(i -> new WanBlock(config, weights.at("blocks").at(i), ops, layers))
              .toList();
      headModulation =
          parameters
              .tensor(weights.tensor("head.modulation", 1, 2, dim), DType.F32)
              .reshape(2, dim);
      head = layers.linear(weights, "head.head", config.patchOutputs(), dim);
      linearLayers = List.copyOf(layers.loaded());
      precisions.checkSkipped(
          linearLayers.stream().flatMap(stack -> stack.layers().stream()).toList());
      ops.synchronize(); // until all weights are there
    } catch (RuntimeException | Error e) {
      loras.close();
      parameters.close();
      throw e;
    }
  }

  /// Returns the linear layers in the order in which they were loaded.
  public List<LinearGroup> linearLayers() {
    return linearLayers;
  }

  /// Returns the sizes of the network.
  public TransformerConfig config() {
    return config;
  }

  @Override
  public long bytes() {
    return parameters.bytes() + loras.bytes();
  }

  @Override
  public void adapt(List<LoraApplication> applications) {
    Map<String, List<LoraTerm>> additions = AdaptedWeights.additions(weights, applications);
    loras.close();
    loras = ops.parameters();
    parameters.adapt(weights, additions, loras);
    ops.synchronize();
  }

  @Override
  public void restart() {
    parameters.restart();
  }

  @Override
  public void save(Ops ops, SavedState state) {
    state.put("histories", parameters.histories());
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    Shape own = parameters.histories().shape();
    parameters.restore(state.tensor("histories", DType.F32, own));
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
  private record BranchInputs(Conditions conditions, Tensor rows, TextKeys text) {}

  @Override
  public Prepared prepare(Shape sample) {
    LatentGrid grid = LatentGrid.of(sample);
    Tensor whole = RotaryTable.of(grid.frames(), grid.rows(), grid.columns(), config.headDim());
    return new Clip(grid, group.share(ops, ops.upload(whole, DType.F32)), config.dim());
  }

  @Override
  public void read(Conditions conditions, Branch branch, Prepared target) {
    Clip clip = clip(target);
    BranchInputs inputs =
        clip.branches.computeIfAbsent(
            branch, _ -> new BranchInputs(conditions, rows(clip.grid, conditions), emptyText()));
    try (var _ = ops.scope()) {
      text(ops.upload(conditions.text(), DType.F32), branch, inputs.text());
    }
  }

  /// Returns int32 `[tokens of this rank]`: 0 for tokens of frames that are given, and 1 for others
  /// where there are such.
  private Tensor rows(LatentGrid grid, Conditions conditions) {
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

  /// Returns room in the innermost scope for the keys and values of one prompt.
  public TextKeys emptyText() {
    List<Tensor> keys = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      keys.add(emptyHeads());
      values.add(emptyHeads());
    }
    return new TextKeys(keys, values);
  }

  private Tensor emptyHeads() {
    return ops.empty(ops.activation(), config.textLength(), config.heads(), config.headDim());
  }

  /// Writes the keys and values that a branch's text states `[words, text dim]` (float32, on the
  /// backend) give every block; the states are padded with zeros to the text length, and the
  /// padding is attended to as in the reference.
  public void text(Tensor states, Branch branch, TextKeys target) {
    int dim = config.dim();
    int length = config.textLength();
    try (var _ = ops.scope()) {
      Tensor padded = ops.empty(DType.F32, length, config.textDim());
      ops.clear(padded);
      ops.copy(states, padded.slice(0, states.length(0)));
      Operand words = ops.operand(padded, textIn.input(Branch.CONDITIONAL));
      Operand hidden =
          ops.linear(words, textIn, Activation.GELU_TANH, textOut.input(Branch.CONDITIONAL));
      Tensor text = ops.linear(hidden, textOut, Activation.NONE); // [text length, dim]
      for (int i = 0; i < blocks.size(); i++) {
        blocks
            .get(i)
            .text(
                text,
                branch,
                target.keys().get(i).reshape(length, dim),
                target.values().get(i).reshape(length, dim));
      }
    }
  }

  /// Returns the keys and values of a prompt's text states, as the other form writes them, in the
  /// innermost scope.
  public TextKeys text(Tensor states, Branch branch) {
    TextKeys target = emptyText();
    text(states, branch, target);
    return target;
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
      Tensor x = embed(latents);
      Tensor time = time(timesteps);
      through.run(x, () -> blocks(x, time, timesteps, text, rotary, pass));
      head(x, time, timesteps, velocity);
    }
    return velocity;
  }

  /// Returns the tokens of latents in the residual type: this rank's share of `[tokens, dim]`.
  private Tensor embed(List<Tensor> latents) {
    int tokens = LatentGrid.of(latents.getFirst().shape()).tokens();
    Tensor x = ops.empty(ops.residual(), tokens, config.dim());
    try (var _ = ops.scope()) {
      Operand patches = ops.patchify(latents, patchEmbedding.input(Branch.CONDITIONAL));
      ops.copy(ops.linear(patches, patchEmbedding, Activation.NONE), x);
    }
    return group.share(ops, x);
  }

  /// Returns the embedding of the distinct timesteps, float32 `[distinct, dim]`.
  public Tensor time(Timesteps timesteps) {
    Tensor embedding = ops.empty(DType.F32, timesteps.distinct().length, config.dim());
    try (var _ = ops.scope()) {
      Tensor sinusoid = ops.upload(timesteps.sinusoid(config.frequencyDim()), DType.F32);
      Operand waves = ops.operand(sinusoid, timeIn.input(Branch.CONDITIONAL));
      Operand hidden =
          ops.linear(waves, timeIn, Activation.SILU, timeOut.input(Branch.CONDITIONAL));
      ops.copy(ops.linear(hidden, timeOut, Activation.NONE), embedding);
    }
    return embedding;
  }

  /// The blocks of a forward: what makes them other work than those of another forward, their
  /// tensors apart.
  private record Blocks(WanTransformer network, Branch branch, List<AttentionFormat> formats) {}

  /// Runs all blocks over tokens `x [tokens, dim]` in place, as work that later forwards repeat.
  private void blocks(
      Tensor x, Tensor time, Timesteps timesteps, TextKeys text, Tensor rotary, ForwardPass pass) {
    List<AttentionFormat> formats =
        IntStream.range(0, blocks.size()).mapToObj(layer -> group.format(pass, layer)).toList();
    List<Tensor> inputs = new ArrayList<>(List.of(x, time, timesteps.rows(), rotary));
    inputs.addAll(text.keys());
    inputs.addAll(text.values());
    ops.repeatable(
        new Blocks(this, pass.branch(), formats),
        inputs,
        () -> {
          try (var _ = ops.scope()) {
            List<Tensor> modulations = modulations(time);
            ResidualStream stream = stream(x, timesteps);
            for (int i = 0; i < blocks.size(); i++) {
              block(i, stream, modulations.get(i), text, rotary, pass);
            }
            stream.settle();
          }
        });
  }

  /// Returns, in the innermost scope, how a time embedding modulates each block: float32 `[6,
  /// distinct, dim]`.
  public List<Tensor> modulations(Tensor time) {
    Tensor silu = ops.activate(time, Activation.SILU);
    Operand activated = ops.operand(silu, timeProjection.input(Branch.CONDITIONAL));
    Tensor projected = ops.linear(activated, timeProjection, Activation.NONE); // [distinct, 6 dim]
    return blocks.stream().map(block -> block.modulation(projected)).toList();
  }

  /// Returns the stream of tokens `x [tokens, dim]`, which blocks change in place.
  public ResidualStream stream(Tensor x, Timesteps timesteps) {
    return new ResidualStream(ops, x, timesteps.rows());
  }

  /// Runs one block over a stream; `modulation` is its part of what [#modulations] gave.
  public void block(
      int index,
      ResidualStream x,
      Tensor modulation,
      TextKeys text,
      Tensor rotary,
      ForwardPass pass) {
    blocks
        .get(index)
        .forward(
            x,
            modulation,
            text.keys().get(index),
            text.values().get(index),
            rotary,
            group,
            group.format(pass, index),
            pass.branch());
  }

  /// Writes the velocity of the tokens `x` that the last block left.
  private void head(Tensor x, Tensor time, Timesteps timesteps, Tensor velocity) {
    try (var _ = ops.scope()) {
      Tensor m = ops.modulation(headModulation, time); // [2, distinct, dim]
      Operand h =
          ops.modulatedNorm(
              x,
              m.at(0),
              m.at(1),
              timesteps.rows(),
              WanBlock.EPSILON,
              head.input(Branch.CONDITIONAL));
      Tensor patches = group.gather(ops, ops.linear(h, head, Activation.NONE));
      ops.copy(
          ops.unpatchify(patches, velocity.length(1), velocity.length(2), velocity.length(3)),
          velocity);
    }
  }

  /// Frees the weights.
  @Override
  public void close() {
    loras.close();
    parameters.close();
  }
}
