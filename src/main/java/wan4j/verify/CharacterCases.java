package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.model.BlockRun;
import wan4j.model.CharacterTransformer;
import wan4j.model.Conditions;
import wan4j.model.ResidualStream;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// The transformer of Animate: forwards, parts of it, and its relighting LoRA.
final class CharacterCases {
  private static final String MERGED = "mid.merged.";

  private CharacterCases() {}

  /// One forward.
  static List<Comparison> forward(ReferenceCase reference, Backend backend) {
    try (Weights weights = weights(reference);
        CharacterTransformer network = network(reference, weights, backend, Precision.PLAIN)) {
      return List.of(
          compare(reference, backend, "out.velocity", velocity(reference, network, backend.ops())));
    }
  }

  /// What a block of the face adapter adds.
  static List<Comparison> faceBlock(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    try (Weights weights = weights(reference);
        CharacterTransformer network = network(reference, weights, backend, Precision.PLAIN);
        var _ = ops.scope()) {
      Tensor faces = reference.tensor("in.motion_vec").at(0); // [frames, face tokens, dim]
      Tensor before = reference.tensor("in.x").at(0);
      int tokens = before.length(0);
      int[] frames = new int[tokens];
      for (int i = 0; i < tokens; i++) {
        frames[i] = i * faces.length(0) / tokens;
      }
      int dim = before.length(1);
      long rows = faces.count() / dim;
      TextKeys keys = network.adapter().emptyKeys((int) rows);
      network
          .adapter()
          .read(ops.upload(faces.reshape(rows, dim), ops.activation()), Branch.CONDITIONAL, keys);
      Tensor x = ops.upload(before, ops.residual());
      ResidualStream stream =
          network.core().stream(x, new Timesteps(new double[1], Timesteps.sharedRows(ops, tokens)));
      Tensor own = ops.upload(Tensor.of(frames, tokens), DType.I32);
      network.adapter().add(0, stream, keys, own, faces.length(1), Branch.CONDITIONAL);
      Tensor added = difference(ops.download(stream.settled()), before);
      return List.of(
          Comparison.relative(
              "out.residual",
              added,
              reference.tensor("out.residual").at(0),
              backend.tolerance(reference.tolerance("out.residual"))));
    }
  }

  private static Tensor difference(Tensor after, Tensor before) {
    float[] values = after.toFloats();
    float[] others = before.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] -= others[i];
    }
    return Tensor.of(values, after.shape().toArray());
  }

  /// The tokens of a picture that blocks look at.
  static List<Comparison> picture(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    try (Weights weights = weights(reference);
        CharacterTransformer network = network(reference, weights, backend, Precision.PLAIN);
        var _ = ops.scope()) {
      Tensor picture = ops.upload(reference.tensor("in.clip_fea").at(0), DType.F32);
      Tensor tokens = ops.download(network.picture().project(picture));
      return List.of(
          Comparison.relative(
              "out.tokens",
              tokens,
              reference.tensor("out.tokens").at(0),
              backend.tolerance(reference.tolerance("out.tokens"))));
    }
  }

  /// A forward without the relighting LoRA, with it merged and with it beside the weights.
  static List<Comparison> lora(ReferenceCase reference, Backend backend) {
    Path file = folder(reference).resolve("relighting_lora.ckpt");
    List<Comparison> comparisons = new ArrayList<>();
    try (Weights base = weights(reference);
        Lora lora = Lora.read(file)) {
      List<LoraApplication> loras = List.of(new LoraApplication(lora, 1));
      Weights merged = AdaptedWeights.merged(base, loras);
      for (String name : reference.tensors()) {
        if (name.startsWith(MERGED)) {
          Tensor weight = merged.tensor(name.substring(MERGED.length())).load();
          comparisons.add(
              Comparison.relative(name, weight, reference.tensor(name), reference.tolerance(name)));
        }
      }
      comparisons.add(
          adapted(reference, backend, base, List.of(), "out.velocity_without_lora", ""));
      comparisons.add(adapted(reference, backend, merged, List.of(), "out.velocity", " merged"));
      comparisons.add(adapted(reference, backend, base, loras, "out.velocity", " beside"));
    }
    return comparisons;
  }

  private static Comparison adapted(
      ReferenceCase reference,
      Backend backend,
      Weights weights,
      List<LoraApplication> loras,
      String name,
      String how) {
    try (var network = network(reference, weights, backend, Precision.PLAIN)) {
      network.adapt(loras);
      return Comparison.relative(
          name + how,
          velocity(reference, network, backend.ops()),
          reference.tensor(name),
          backend.tolerance(reference.tolerance(name)));
    }
  }

  private static Comparison compare(
      ReferenceCase reference, Backend backend, String name, Tensor got) {
    double tolerance = backend.tolerance(reference.tolerance(name));
    return Comparison.relative(name, got, reference.tensor(name), tolerance);
  }

  private static Path folder(ReferenceCase reference) {
    return reference.folder().resolveSibling(reference.json().path("checkpoint").asString(""));
  }

  private static Weights weights(ReferenceCase reference) {
    return Weights.open(folder(reference), Naming.TRANSFORMER);
  }

  private static CharacterTransformer network(
      ReferenceCase reference, Weights weights, Backend backend, Precision precision) {
    TransformerConfig config = TransformerConfig.read(folder(reference), weights);
    return new CharacterTransformer(
        config,
        weights,
        backend.ops(),
        backend.group(config.heads()),
        PrecisionTable.of(precision, List.of()));
  }

  /// Returns the velocity of a case's input, in host memory.
  private static Tensor velocity(ReferenceCase reference, CharacterTransformer network, Ops ops) {
    try (var _ = ops.scope()) {
      Tensor x = ops.upload(reference.tensor("in.x"), DType.F32);
      Conditions conditions =
          new Conditions.Animation(
              reference.tensor("in.context"),
              reference.tensor("in.clip_fea").at(0),
              ops.upload(reference.tensor("in.y"), DType.F32),
              ops.upload(reference.tensor("in.pose_latents"), DType.F32),
              reference.tensor("in.face_u8"));
      var prepared = network.prepare(x.shape(), conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      double timestep = DitCases.doubles(reference.tensor("in.t"))[0];
      ForwardPass pass = ForwardPass.only(Branch.CONDITIONAL);
      return ops.download(network.forward(x, timestep, pass, prepared, BlockRun.ALWAYS));
    }
  }
}
