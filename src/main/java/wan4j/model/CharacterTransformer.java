package wan4j.model;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.ForwardPass;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.quant.Branch;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The diffusion transformer of Animate: that of Wan2.2 whose tokens see, beside the words of the
/// prompt, a picture of the character, drawn poses and the faces that drive it (Wan-Video/Wan2.2 at
/// 42bf4cf, wan/modules/animate/model_animate.py). The first latent frame is a slot for the
/// picture, which has neither pose nor face.
///
/// What is the same in every step is made when a clip's conditions are read: the motion in the
/// faces, and all keys and values but those of self-attention. Poses are embedded in each forward,
/// since that is less work than keeping a row for every token is memory.
public final class CharacterTransformer extends WeightedNetwork {
  private final Ops ops;
  private final SequenceGroup group;
  private final TransformerCore core;
  private final Linear poseEmbedding;
  private final PictureProjection picture;
  private final FaceAdapter adapter;
  private final MotionEncoder motion;
  private final FaceEncoder faces;

  /// Loads the network onto a backend for one rank.
  public CharacterTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions) {
    this(config, weights, ops, group, precisions, WeightSharing.NONE);
  }

  /// Loads the network onto a backend, as ranks share its weights; every name and shape is checked
  /// against `config` first. Throws `InputException` when the weights do not fit.
  public CharacterTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions,
      WeightSharing sharing) {
    super(config, new NetworkWeights(weights, ops, precisions, sharing));
    this.ops = ops;
    this.group = group;
    List<Runnable> loaded = new ArrayList<>(List.of(this.weights::close));
    try {
      LayerLoader layers = this.weights.layers();
      core = new TransformerCore(config, weights, ops, group, layers);
      poseEmbedding =
          layers.linear(weights, "pose_patch_embedding", config.dim(), config.patchOutputs());
      picture = new PictureProjection(weights.at("img_emb"), config.dim(), ops, layers);
      adapter = new FaceAdapter(config, weights.at("face_adapter"), ops, layers);
      motion = new MotionEncoder(weights.at("motion_encoder"), ops, sharing);
      loaded.add(motion::close);
      faces = new FaceEncoder(weights.at("face_encoder"), ops, sharing);
      loaded.add(faces::close);
      faces.requireMotion(motion.dim());
      layers.loaded().addAll(faces.linearLayers());
      this.weights.complete();
    } catch (RuntimeException | Error e) {
      loaded.reversed().forEach(Runnable::run);
      throw e;
    }
  }

  /// Returns the embeddings, blocks and head.
  public TransformerCore core() {
    return core;
  }

  /// Returns what turns the tokens of the image network into those that blocks look at.
  public PictureProjection picture() {
    return picture;
  }

  /// Returns what lets tokens look at the face of their frame.
  public FaceAdapter adapter() {
    return adapter;
  }

  /// Returns the height and width of the faces that the network sees.
  public int faceSize() {
    return motion.size();
  }

  @Override
  public long bytes() {
    return super.bytes() + motion.bytes() + faces.bytes();
  }

  /// What the forwards of a clip have in common.
  private static final class Clip implements Prepared {
    private final LatentGrid grid;
    private final Tensor rotary; // [tokens of this rank, head size]
    private final Tensor rows; // int32 [tokens of this rank], zeros: one timestep for all
    private final Tensor frames; // int32 [tokens of this rank], each token's latent frame
    private final Shape tokens;
    private final Map<Branch, BranchInputs> branches = new EnumMap<>(Branch.class);

    Clip(LatentGrid grid, Tensor rotary, Tensor rows, Tensor frames, int dim) {
      this.grid = grid;
      this.rotary = rotary;
      this.rows = rows;
      this.frames = frames;
      tokens = Shape.of(rotary.length(0), dim);
    }

    @Override
    public Shape tokens() {
      return tokens;
    }
  }

  /// A branch's part of them.
  private record BranchInputs(
      Conditions.Animation conditions, TextKeys text, TextKeys picture, TextKeys faces) {
    /// Returns all keys and values.
    List<Tensor> tensors() {
      List<Tensor> all = new ArrayList<>();
      for (TextKeys part : List.of(text, picture, faces)) {
        all.addAll(part.keys());
        all.addAll(part.values());
      }
      return all;
    }
  }

  @Override
  public Prepared prepare(Shape sample, Conditions conditions) {
    LatentGrid grid = LatentGrid.of(sample);
    Tensor whole = RotaryTable.of(grid.frames(), grid.rows(), grid.columns(), config.headDim());
    Tensor rotary = group.share(ops, ops.upload(whole, DType.F32));
    int[] frames = new int[grid.tokens()];
    for (int i = 0; i < frames.length; i++) {
      frames[i] = i / frameTokens(grid);
    }
    return new Clip(
        grid,
        rotary,
        Timesteps.sharedRows(ops, rotary.length(0)),
        group.share(ops, ops.upload(Tensor.of(frames, frames.length), DType.I32)),
        config.dim());
  }

  private static int frameTokens(LatentGrid grid) {
    return grid.rows() * grid.columns();
  }

  @Override
  public void read(Conditions conditions, Branch branch, Prepared target) {
    if (!(conditions instanceof Conditions.Animation character)) {
      throw new IllegalArgumentException("got the conditions of another kind of network");
    }
    Clip clip = clip(target);
    BranchInputs inputs =
        clip.branches.computeIfAbsent(branch, _ -> empty(character, clip.grid.frames()));
    try (var _ = ops.scope()) {
      core.text(ops.upload(character.text(), DType.F32), branch, inputs.text());
    }
    try (var _ = ops.scope()) {
      Tensor tokens = picture.project(ops.upload(character.picture(), DType.F32));
      core.picture(tokens, branch, inputs.picture());
    }
    try (var _ = ops.scope()) {
      adapter.read(faceTokens(character.faces(), clip.grid.frames()), branch, inputs.faces());
    }
  }

  private BranchInputs empty(Conditions.Animation conditions, int frames) {
    return new BranchInputs(
        conditions,
        core.emptyText(),
        core.emptyKeys(conditions.picture().length(0)),
        adapter.emptyKeys(frames * faces.tokens()));
  }

  /// Returns the face tokens of all latent frames, `[tokens, dim]` in the innermost scope: zeros
  /// for the first, which is the picture's.
  private Tensor faceTokens(Tensor pixels, int frames) {
    if (pixels.length(1) != faceSize() || pixels.length(2) != faceSize()) {
      throw new InputException(
          "the driving video has faces of %dx%d; expected %dx%d: make its folder again with wan4j preprocess animate"
              .formatted(pixels.length(2), pixels.length(1), faceSize(), faceSize()));
    }
    Tensor tokens = ops.empty(ops.activation(), (long) frames * faces.tokens(), config.dim());
    Tensor first = tokens.slice(0, faces.tokens());
    ops.clear(first);
    try (var _ = ops.scope()) {
      Tensor made = faces.encode(motion.encode(pixels));
      if (made.length(0) != frames - 1) {
        throw new IllegalArgumentException(
            "got %d faces for %d latent frames, expected those of %d"
                .formatted(pixels.length(0), made.length(0), frames - 1));
      }
      ops.copy(made, tokens.slice(faces.tokens(), made.count() / config.dim()));
    }
    return tokens;
  }

  private static Clip clip(Prepared prepared) {
    if (prepared instanceof Clip own) {
      return own;
    }
    throw new IllegalArgumentException("got what another kind of network has prepared");
  }

  @Override
  public Tensor forward(
      Tensor sample, double timestep, ForwardPass pass, Prepared prepared, BlockRun through) {
    Clip clip = clip(prepared);
    BranchInputs inputs = clip.branches.get(pass.branch());
    Timesteps timesteps = new Timesteps(new double[] {timestep}, clip.rows);
    Tensor velocity =
        ops.empty(
            DType.F32, config.outChannels(), sample.length(1), sample.length(2), sample.length(3));
    try (var _ = ops.scope()) {
      Tensor x = group.share(ops, embed(sample, inputs.conditions()));
      Tensor time = core.time(timesteps);
      through.run(x, () -> blocks(x, time, timesteps, clip, inputs, pass));
      core.head(x, time, timesteps, velocity);
    }
    return velocity;
  }

  /// Returns the tokens of the sample and what lies beside it, poses added to all frames but the
  /// first.
  private Tensor embed(Tensor sample, Conditions.Animation conditions) {
    Tensor x = core.embed(List.of(sample, conditions.beside()));
    try (var _ = ops.scope()) {
      Operand patches =
          ops.patchify(List.of(conditions.pose()), poseEmbedding.input(Branch.CONDITIONAL));
      Tensor poses = ops.linear(patches, poseEmbedding, Activation.NONE);
      ops.add(x.slice(x.length(0) - poses.length(0), poses.length(0)), poses);
    }
    return x;
  }

  /// The blocks of a forward: what makes them other work than those of another forward, their
  /// tensors apart.
  private record Blocks(
      CharacterTransformer network, Branch branch, List<AttentionFormat> formats) {}

  /// Runs all blocks over tokens `x [tokens, dim]` in place, as work that later forwards repeat.
  private void blocks(
      Tensor x,
      Tensor time,
      Timesteps timesteps,
      Clip clip,
      BranchInputs inputs,
      ForwardPass pass) {
    List<Tensor> tensors =
        new ArrayList<>(List.of(x, time, timesteps.rows(), clip.rotary, clip.frames));
    tensors.addAll(inputs.tensors());
    ops.repeatable(
        new Blocks(this, pass.branch(), core.formats(pass)),
        tensors,
        () -> {
          try (var _ = ops.scope()) {
            List<Tensor> modulations = core.modulations(time);
            ResidualStream stream = core.stream(x, timesteps);
            for (int i = 0; i < config.layers(); i++) {
              Tensor modulation = modulations.get(i);
              core.block(i, stream, modulation, inputs.text(), inputs.picture(), clip.rotary, pass);
              if (adapter.follows(i)) {
                adapter.add(i, stream, inputs.faces(), clip.frames, faces.tokens(), pass.branch());
              }
            }
            stream.settle();
          }
        });
  }

  @Override
  public void close() {
    faces.close();
    motion.close();
    super.close();
  }
}
