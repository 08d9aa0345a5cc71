package wan4j.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import wan4j.model.RotaryTable.Axis;
import wan4j.model.RotaryTable.Grid;
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
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The diffusion transformer of speech to video (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/s2v/model_s2v.py, `WanModel_S2V`). After the tokens of the noisy sample, to which
/// those of drawn poses are added, come the tokens of the subject's picture and, from the second
/// clip on, of the frames before the clip; they have timestep 0 and a row of a small table tells
/// the three apart. After some of the blocks the sample's tokens hear their latent frame's sound.
public final class SpeechTransformer extends WeightedNetwork {
  private static final int REFERENCE_FRAME = 30; // where the picture is in time

  private final Ops ops;
  private final SequenceGroup group;
  private final TransformerCore core;
  private final Linear poseEmbedding;
  private final CausalAudioEncoder audioEncoder;
  private final Map<Integer, AudioInjector> injectors = new TreeMap<>(); // by the block before
  private final Tensor kinds; // [3, dim], what is added to tokens of each kind
  private final FramePacker packer;

  /// The kinds of tokens, in their order.
  private enum Kind {
    SAMPLE(0),
    REFERENCE(1),
    MOTION(2);

    private final int row; // of the table of kinds

    Kind(int row) {
      this.row = row;
    }
  }

  /// Loads the network onto a backend for one rank.
  public SpeechTransformer(
      TransformerConfig config,
      Weights weights,
      Ops ops,
      SequenceGroup group,
      PrecisionTable precisions) {
    this(config, weights, ops, group, precisions, WeightSharing.NONE);
  }

  /// Loads the network onto a backend, as ranks share its weights; every name and shape is checked
  /// against `config` first. Throws `InputException` when the weights do not fit.
  public SpeechTransformer(
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
      LayerLoader layers = this.weights.layers();
      core = new TransformerCore(config, weights, ops, group, layers);
      poseEmbedding = layers.linear(weights, "cond_encoder", config.dim(), config.patchInputs());
      audioEncoder = new CausalAudioEncoder(config, weights, ops, layers);
      Weights audio = weights.at("audio_injector");
      config
          .speech()
          .injectors()
          .forEach((block, index) ->
              injectors.put(block, new AudioInjector(config, audio, index, ops, layers)));
      kinds =
          layers
              .parameters()
              .tensor(
                  weights.tensor("trainable_cond_mask.weight", Kind.values().length, config.dim()),
                  DType.F32);
      packer = new FramePacker(config, weights, ops, layers);
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

  /// Returns the audio encoder.
  public CausalAudioEncoder audioEncoder() {
    return audioEncoder;
  }

  /// Returns what lets the sound into the stream after a block, or null for most blocks.
  public AudioInjector injector(int block) {
    return injectors.get(block);
  }

  /// Returns what makes tokens of the frames before a clip.
  public FramePacker packer() {
    return packer;
  }

  // ---- what the forwards of a clip have in common

  /// How many tokens of each kind a clip has, and where they lie.
  private record Layout(LatentGrid sample, int reference, List<Grid> motion) {
    int of(Kind kind) {
      return switch (kind) {
        case SAMPLE -> sample.tokens();
        case REFERENCE -> reference;
        case MOTION -> motion.stream().mapToInt(Grid::tokens).sum();
      };
    }

    /// Returns a value for each token by its kind.
    int[] byKind(int sampleValue, int referenceValue, int motionValue) {
      int[] values = new int[tokens()];
      int end = of(Kind.SAMPLE) + of(Kind.REFERENCE);
      Arrays.fill(values, 0, of(Kind.SAMPLE), sampleValue);
      Arrays.fill(values, of(Kind.SAMPLE), end, referenceValue);
      Arrays.fill(values, end, values.length, motionValue);
      return values;
    }

    int tokens() {
      return of(Kind.SAMPLE) + of(Kind.REFERENCE) + of(Kind.MOTION);
    }

    List<Grid> grids() {
      Axis rows = Axis.of(0, sample.rows());
      Axis columns = Axis.of(0, sample.columns());
      List<Grid> grids = new ArrayList<>();
      grids.add(new Grid(Axis.of(0, sample.frames()), rows, columns));
      grids.add(new Grid(Axis.of(REFERENCE_FRAME, 1), rows, columns));
      grids.addAll(motion);
      return grids;
    }
  }

  /// What the forwards of a clip have in common; tokens are those of this rank.
  private static final class Clip implements Prepared {
    private final Layout layout;
    private final Tensor given; // [tokens, dim], what the tokens are without the noisy sample
    private final Tensor rotary; // [tokens, head size]
    private final Tensor timesteps; // int32 [tokens], the row of each token's timestep
    private final AudioInjector.Groups sound; // whose sound each token hears
    private final Map<Branch, BranchInputs> branches = new EnumMap<>(Branch.class);
    private Pictures pictures; // that are in what is given

    Clip(Layout layout, Tensor given, Tensor rotary, Tensor timesteps, AudioInjector.Groups sound) {
      this.layout = layout;
      this.given = given;
      this.rotary = rotary;
      this.timesteps = timesteps;
      this.sound = sound;
    }

    @Override
    public Shape tokens() {
      return given.shape();
    }
  }

  /// A branch's part of them.
  private record BranchInputs(TextKeys text, Map<Integer, AudioInjector.Heard> heard) {}

  /// The pictures of a clip, and the network that has made tokens of them.
  private record Pictures(
      SpeechTransformer network, Tensor reference, Tensor motion, Tensor pose) {}

  /// Returns how many tokens the forwards over a sample have, with or without those of the frames
  /// before the clip.
  public static int tokens(TransformerConfig config, Shape sample, boolean seesMotion) {
    return layout(config, sample, seesMotion).tokens();
  }

  private static Layout layout(TransformerConfig config, Shape sample, boolean seesMotion) {
    LatentGrid grid = LatentGrid.of(sample);
    SpeechConfig.Packing packing = config.speech().packing();
    return new Layout(
        grid,
        grid.rows() * grid.columns(),
        seesMotion ? FramePacker.grids(packing, sample.length(2), sample.length(3)) : List.of());
  }

  @Override
  public Prepared prepare(Shape sample, Conditions conditions) {
    Layout layout = layout(config, sample, speech(conditions).seesMotion());
    int dim = config.dim();
    Tensor rotary =
        group.share(ops, ops.upload(RotaryTable.of(layout.grids(), config.headDim()), DType.F32));
    int other = config.speech().hasZeroTimestep() ? 1 : 0;
    return new Clip(
        layout,
        ops.empty(ops.residual(), rotary.length(0), dim),
        rotary,
        rows(layout.byKind(0, other, other)),
        AudioInjector.Groups.of(ops, rows(groups(layout)), layout.sample().frames(), dim));
  }

  /// Returns each token's latent frame, and one more for tokens that are not of the sample.
  private static int[] groups(Layout layout) {
    int frames = layout.sample().frames();
    int perFrame = layout.sample().rows() * layout.sample().columns();
    int[] groups = layout.byKind(0, frames, frames);
    for (int frame = 0; frame < frames; frame++) {
      Arrays.fill(groups, frame * perFrame, (frame + 1) * perFrame, frame);
    }
    return groups;
  }

  private Tensor rows(int[] values) {
    return group.share(ops, ops.upload(Tensor.of(values, values.length), DType.I32));
  }

  @Override
  public void read(Conditions conditions, Branch branch, Prepared target) {
    Conditions.Speech speech = speech(conditions);
    Clip clip = clip(target);
    int frames = clip.layout.sample().frames();
    BranchInputs inputs =
        clip.branches.computeIfAbsent(
            branch,
            _ -> {
              Map<Integer, AudioInjector.Heard> heard = new TreeMap<>();
              injectors.forEach((block, injector) -> heard.put(block, injector.empty(frames)));
              return new BranchInputs(core.emptyText(), heard);
            });
    readPictures(speech, clip);
    try (var _ = ops.scope()) {
      core.text(ops.upload(speech.text(), DType.F32), branch, inputs.text());
    }
    try (var _ = ops.scope()) {
      CausalAudioEncoder.Encoded sound = audioEncoder.encode(speech.sound(), frames);
      injectors.forEach(
          (block, injector) -> injector.read(sound, clip.sound, branch, inputs.heard().get(block)));
    }
  }

  /// Makes the tokens of what is given beside the sample, which the branches of a clip share.
  private void readPictures(Conditions.Speech speech, Clip clip) {
    Pictures pictures = new Pictures(this, speech.reference(), speech.motion(), speech.pose());
    if (pictures.equals(clip.pictures)) {
      return;
    }
    if (clip.pictures != null && clip.pictures.network().equals(this)) {
      throw new IllegalArgumentException(
          "the branches of a clip have other pictures; expected them to differ in text and sound");
    }
    clip.pictures = pictures;
    Layout layout = clip.layout;
    try (var _ = ops.scope()) {
      int[] ids = layout.byKind(Kind.SAMPLE.row, Kind.REFERENCE.row, Kind.MOTION.row);
      Tensor all = ops.embedding(kinds, ops.upload(Tensor.of(ids, ids.length), DType.I32));
      int first = layout.of(Kind.SAMPLE);
      ops.add(all.slice(0, first), pose(speech.pose(), layout.sample()));
      int reference = layout.of(Kind.REFERENCE);
      ops.add(all.slice(first, reference), core.embed(List.of(speech.reference())));
      int motion = layout.of(Kind.MOTION);
      if (motion > 0) {
        ops.add(all.slice((long) first + reference, motion), packer.pack(speech.motion()));
      }
      ops.copy(group.share(ops, all), clip.given);
    }
  }

  /// Returns the tokens of drawn poses; without any they are those of zeros, as in the reference.
  private Tensor pose(Tensor latents, LatentGrid grid) {
    Tensor drawn = latents;
    if (drawn == null) {
      drawn =
          ops.empty(
              DType.F32,
              config.inChannels(),
              grid.frames(),
              (long) grid.rows() * LatentGrid.PATCH,
              (long) grid.columns() * LatentGrid.PATCH);
      ops.clear(drawn);
    }
    Operand patches = ops.patchify(List.of(drawn), poseEmbedding.input(Branch.CONDITIONAL));
    return ops.linear(patches, poseEmbedding, Activation.NONE);
  }

  private static Conditions.Speech speech(Conditions conditions) {
    if (conditions instanceof Conditions.Speech speech) {
      return speech;
    }
    throw new IllegalArgumentException("got the conditions of another kind of network");
  }

  private static Clip clip(Prepared prepared) {
    if (prepared instanceof Clip own) {
      return own;
    }
    throw new IllegalArgumentException("got what another kind of network has prepared");
  }

  // ---- forwards

  @Override
  public Tensor forward(
      Tensor sample, double timestep, ForwardPass pass, Prepared prepared, BlockRun through) {
    Clip clip = clip(prepared);
    boolean hasOther = config.speech().hasZeroTimestep();
    double[] distinct = hasOther ? new double[] {timestep, 0} : new double[] {timestep};
    Timesteps timesteps = new Timesteps(distinct, clip.timesteps);
    Tensor velocity = ops.empty(DType.F32, sample.shape().toArray());
    try (var _ = ops.scope()) {
      Tensor x = group.share(ops, embed(sample, clip.layout));
      ops.add(x, clip.given);
      Tensor time = core.time(timesteps);
      through.run(x, () -> blocks(x, time, timesteps, clip, pass));
      core.head(x, time, timesteps, velocity);
    }
    return velocity;
  }

  /// Returns the sample's tokens in front of zeros.
  private Tensor embed(Tensor sample, Layout layout) {
    int own = layout.of(Kind.SAMPLE);
    Tensor x = ops.empty(ops.residual(), layout.tokens(), config.dim());
    core.embed(List.of(sample), x.slice(0, own));
    ops.clear(x.slice(own, (long) layout.tokens() - own));
    return x;
  }

  /// The blocks of a forward: what makes them other work than those of another forward, their
  /// tensors apart.
  private record Blocks(SpeechTransformer network, Branch branch, List<AttentionFormat> formats) {}

  /// Runs all blocks and injectors over tokens `x [tokens, dim]` in place, as work that later
  /// forwards repeat.
  private void blocks(Tensor x, Tensor time, Timesteps timesteps, Clip clip, ForwardPass pass) {
    BranchInputs branch = clip.branches.get(pass.branch());
    List<Tensor> inputs =
        new ArrayList<>(
            List.of(x, time, timesteps.rows(), clip.rotary, clip.sound.rows(), clip.sound.gate()));
    inputs.addAll(branch.text().keys());
    inputs.addAll(branch.text().values());
    for (AudioInjector.Heard heard : branch.heard().values()) {
      inputs.addAll(List.of(heard.shift(), heard.scale(), heard.keys(), heard.values()));
    }
    ops.repeatable(
        new Blocks(this, pass.branch(), core.formats(pass)),
        inputs,
        () -> {
          try (var _ = ops.scope()) {
            List<Tensor> modulations = core.modulations(time);
            ResidualStream stream = core.stream(x, timesteps);
            for (int i = 0; i < config.layers(); i++) {
              core.block(i, stream, modulations.get(i), branch.text(), clip.rotary, pass);
              AudioInjector injector = injectors.get(i);
              if (injector != null) {
                AudioInjector.Heard heard = branch.heard().get(i);
                injector.forward(stream, heard, clip.sound, pass.branch());
              }
            }
            stream.settle();
          }
        });
  }
}
