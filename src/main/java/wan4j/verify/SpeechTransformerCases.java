package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import wan4j.model.AudioInjector;
import wan4j.model.BlockRun;
import wan4j.model.CausalAudioEncoder;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.FramePacker;
import wan4j.model.ResidualStream;
import wan4j.model.RotaryTable;
import wan4j.model.SpeechTransformer;
import wan4j.model.Timesteps;
import wan4j.model.WanBlock;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Naming;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The transformer of speech to video: whole forwards, and its parts each by itself.
final class SpeechTransformerCases {
  private static final int LONGEST = 1000; // frames of a sound in a case
  private static final Branch BRANCH = Branch.CONDITIONAL;

  private SpeechTransformerCases() {}

  /// A forward of a first or a later clip, and the same in each FP8 recipe.
  static List<Comparison> forward(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      if (precision != Precision.FLOAT32) { // a layer's, never a network's
        double tolerance =
            precision.isFloat8()
                ? LoraCases.LARGEST_FLOOR
                : backend.tolerance(reference.tolerance("out.velocity"));
        String name = precision.isFloat8() ? "out.velocity in " + precision : "out.velocity";
        comparisons.addAll(
            with(
                reference,
                backend,
                precision,
                config -> config,
                network ->
                    List.of(
                        Comparison.relative(
                            name,
                            backend.ops().download(velocity(reference, backend.ops(), network)),
                            reference.tensor("out.velocity"),
                            tolerance))));
      }
    }
    return comparisons;
  }

  private static Tensor velocity(ReferenceCase reference, Ops ops, SpeechTransformer network) {
    JsonNode call = reference.json().path("config").path("call");
    Conditions conditions =
        new Conditions.Speech(
            reference.tensor("in.context"),
            withPast(reference.tensor("in.audio_input"), call.path("motion_frames").asInt()),
            upload(reference, "in.ref_latents", ops),
            upload(reference, "in.motion_latents", ops),
            !call.path("drop").asBoolean(),
            call.path("pose").asBoolean() ? upload(reference, "in.cond_states", ops) : null);
    Tensor sample = upload(reference, "in.x", ops);
    DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
    network.read(conditions, BRANCH, prepared);
    double timestep = reference.tensor("in.t").toFloats()[0];
    return network.forward(sample, timestep, ForwardPass.only(BRANCH), prepared, BlockRun.ALWAYS);
  }

  /// Returns sound `[1, layers, channels, frames]` with its first frame repeated in front,
  /// `[layers, channels, frames]`.
  private static Tensor withPast(Tensor sound, int past) {
    int frames = sound.length(3);
    int lines = sound.length(1) * sound.length(2);
    float[] values = sound.toFloats();
    float[] longer = new float[lines * (past + frames)];
    for (int line = 0; line < lines; line++) {
      int first = line * (past + frames);
      Arrays.fill(longer, first, first + past, values[line * frames]);
      System.arraycopy(values, line * frames, longer, first + past, frames);
    }
    return Tensor.of(longer, sound.length(1), sound.length(2), past + frames);
  }

  /// The tokens of sounds of some lengths.
  static List<Comparison> audioEncoder(ReferenceCase reference, Backend backend) {
    return with(
        reference,
        backend,
        network -> {
          List<Comparison> comparisons = new ArrayList<>();
          for (int frames = 1; frames <= LONGEST; frames++) {
            if (!reference.has("in.features_T" + frames)) {
              continue;
            }
            Tensor sound = reference.tensor("in.features_T" + frames).at(0);
            Tensor expected = reference.tensor("out.global_T" + frames);
            CausalAudioEncoder.Encoded encoded =
                network.audioEncoder().encode(sound, expected.length(1));
            comparisons.add(compare(reference, backend, "out.global_T" + frames, encoded.global()));
            comparisons.add(compare(reference, backend, "out.local_T" + frames, encoded.local()));
          }
          return comparisons;
        });
  }

  /// What one injector adds to tokens, of which the last are not of the sample, and that a block
  /// without injector has none.
  static List<Comparison> injector(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    int own = config.path("original_seq_len").asInt();
    int frames = config.path("num_frames").asInt();
    Ops ops = backend.ops();
    return with(
        reference,
        backend,
        network -> {
          Tensor hidden = reference.tensor("in.hidden").at(0);
          int[] groups = new int[hidden.length(0)];
          Arrays.setAll(groups, token -> token < own ? token / (own / frames) : frames);
          Tensor rows = ops.upload(Tensor.of(groups, groups.length), DType.I32);
          AudioInjector.Groups heardBy =
              AudioInjector.Groups.of(ops, rows, frames, hidden.length(1));
          CausalAudioEncoder.Encoded sound =
              new CausalAudioEncoder.Encoded(
                  activation(
                      reference.tensor("in.audio_global").reshape(frames, hidden.length(1)), ops),
                  activation(reference.tensor("in.audio_local").at(0), ops));
          AudioInjector injector = network.injector(2);
          AudioInjector.Heard heard = injector.empty(frames);
          injector.read(sound, heardBy, BRANCH, heard);
          Tensor x = ops.upload(hidden, ops.residual());
          ResidualStream stream =
              network.core().stream(
                  x, new Timesteps(new double[1], Timesteps.sharedRows(ops, groups.length)));
          injector.forward(stream, heard, heardBy, BRANCH);
          stream.settle();
          return List.of(
              compare(reference, backend, "out.after_block2", x),
              Comparison.holds("no injector after block 1", network.injector(1) == null));
        });
  }

  /// A block whose tokens have one timestep up to somewhere and another from there on.
  static List<Comparison> block(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    Ops ops = backend.ops();
    return with(
        reference,
        backend,
        network -> {
          WanBlock block = network.core().block(config.path("block").asInt());
          TransformerConfig sizes = network.config();
          Tensor tokens = reference.tensor("in.x").at(0);
          int count = tokens.length(0);
          Tensor modulation =
              block.modulation(ops.upload(byTimestep(reference.tensor("in.e").at(0)), DType.F32));
          Tensor text = ops.upload(reference.tensor("in.context").at(0), ops.activation());
          int words = text.length(0);
          Tensor keys = ops.empty(ops.activation(), words, sizes.heads(), sizes.headDim());
          Tensor values = ops.empty(ops.activation(), words, sizes.heads(), sizes.headDim());
          block
              .text()
              .read(
                  text,
                  BRANCH,
                  keys.reshape(words, sizes.dim()),
                  values.reshape(words, sizes.dim()));
          Tensor rotary =
              ops.upload(reference.tensor("in.rope").reshape(count, sizes.headDim()), DType.F32);
          List<Comparison> comparisons = new ArrayList<>();
          for (JsonNode segment : config.path("segments")) {
            int[] rows = new int[count];
            Arrays.fill(rows, Math.min(segment.asInt(), count), count, 1);
            Tensor x = ops.upload(tokens, ops.residual());
            ResidualStream stream =
                network.core().stream(
                    x, new Timesteps(new double[2], ops.upload(Tensor.of(rows, count), DType.I32)));
            SequenceGroup solo = SequenceGroup.SOLO;
            block.forward(
                stream,
                modulation,
                new WanBlock.Context(keys, values),
                null,
                rotary,
                solo,
                solo.format(ForwardPass.only(BRANCH), 0),
                BRANCH);
            stream.settle();
            comparisons.add(compare(reference, backend, "out.x_seg" + segment.asInt(), x));
          }
          return comparisons;
        });
  }

  /// Returns `[6, timesteps, dim]` as `[timesteps, 6 dim]`.
  private static Tensor byTimestep(Tensor parts) {
    int count = parts.length(1);
    int dim = parts.length(2);
    float[] from = parts.toFloats();
    float[] to = new float[from.length];
    for (int part = 0; part < parts.length(0); part++) {
      for (int timestep = 0; timestep < count; timestep++) {
        System.arraycopy(
            from,
            (part * count + timestep) * dim,
            to,
            (timestep * parts.length(0) + part) * dim,
            dim);
      }
    }
    return Tensor.of(to, count, (long) parts.length(0) * dim);
  }

  /// The tokens of the frames before a clip and where they lie, in all ways of packing.
  static List<Comparison> framePacker(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    for (JsonNode run : reference.json().path("config").path("runs")) {
      String motion = run.path(0).asString();
      boolean isDropped = run.path(1).asString().equals("drop");
      int groups = run.path(2).asInt() + 1;
      String name = "%s_%s_%d".formatted(motion, isDropped ? "drop" : "padd", groups - 1);
      comparisons.addAll(
          with(
              reference,
              backend,
              Precision.PLAIN,
              config -> {
                SpeechConfig.Packing packing = new SpeechConfig.Packing(groups, isDropped);
                return config.withSpeech(config.speech().with(packing));
              },
              network -> {
                FramePacker packer = network.packer();
                Tensor latents = upload(reference, "in.motion_" + motion, backend.ops());
                Tensor rotary =
                    RotaryTable.of(
                        packer.grids(latents.length(2), latents.length(3)),
                        network.config().headDim());
                String table = "out.rope_" + name;
                return List.of(
                    compare(reference, backend, "out.tokens_" + name, packer.pack(latents)),
                    Comparison.relative(
                        table, rotary, reference.tensor(table), reference.tolerance(table)));
              }));
    }
    return comparisons;
  }

  /// Runs a computation with a case's network.
  private static List<Comparison> with(
      ReferenceCase reference,
      Backend backend,
      Function<SpeechTransformer, List<Comparison>> computation) {
    return with(reference, backend, Precision.PLAIN, config -> config, computation);
  }

  /// Runs one with a network in a precision and of other settings.
  private static List<Comparison> with(
      ReferenceCase reference,
      Backend backend,
      Precision precision,
      UnaryOperator<TransformerConfig> change,
      Function<SpeechTransformer, List<Comparison>> computation) {
    Path folder = reference.path("checkpoint");
    try (Weights weights = Weights.open(folder, Naming.TRANSFORMER)) {
      TransformerConfig config = change.apply(TransformerConfig.read(folder, weights));
      try (SpeechTransformer network =
              new SpeechTransformer(
                  config,
                  weights,
                  backend.ops(),
                  backend.group(config.heads()),
                  PrecisionTable.of(precision, List.of()));
          var _ = backend.ops().scope()) {
        return computation.apply(network);
      }
    }
  }

  private static Tensor upload(ReferenceCase reference, String name, Ops ops) {
    return ops.upload(reference.tensor(name), DType.F32);
  }

  private static Tensor activation(Tensor tensor, Ops ops) {
    return ops.upload(tensor, ops.activation());
  }

  private static Comparison compare(
      ReferenceCase reference, Backend backend, String name, Tensor got) {
    return Comparison.relative(
        name,
        backend.ops().download(got),
        reference.tensor(name),
        backend.tolerance(reference.tolerance(name)));
  }
}
