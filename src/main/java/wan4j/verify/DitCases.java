package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;
import wan4j.model.BlockRun;
import wan4j.model.LatentGrid;
import wan4j.model.RotaryTable;
import wan4j.model.TextKeys;
import wan4j.model.Timesteps;
import wan4j.model.WanTransformer;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// One forward of the transformer. Padding tokens are not computed: nothing that is kept depends on
/// them.
final class DitCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    var folder = reference.path("checkpoint");
    try (Weights weights = Weights.open(folder, Naming.TRANSFORMER)) {
      TransformerConfig config = TransformerConfig.read(folder, weights);
      SequenceGroup group = backend.group(config.heads());
      PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
      try (var transformer = new WanTransformer(config, weights, backend.ops(), group, table)) {
        List<Comparison> comparisons = new ArrayList<>();
        if (reference.has("in.x")) {
          comparisons.addAll(sample(reference, backend, transformer, "", 0));
        }
        for (int i = 0; reference.has("in.x." + i); i++) {
          comparisons.addAll(sample(reference, backend, transformer, "." + i, i));
        }
        return comparisons;
      }
    }
  }

  static WanTransformer transformer(TransformerConfig config, Weights weights, Ops ops) {
    return transformer(config, weights, ops, Precision.PLAIN);
  }

  static WanTransformer transformer(
      TransformerConfig config, Weights weights, Ops ops, Precision precision) {
    return new WanTransformer(
        config, weights, ops, SequenceGroup.SOLO, PrecisionTable.of(precision, List.of()));
  }

  private static List<Comparison> sample(
      ReferenceCase reference,
      Backend backend,
      WanTransformer transformer,
      String suffix,
      int index) {
    Tensor x = reference.tensor("in.x" + suffix);
    List<Tensor> latents = new ArrayList<>(List.of(x));
    if (reference.has("in.y" + suffix)) {
      latents.add(reference.tensor("in.y" + suffix));
    }
    Tensor t = reference.tensor("in.t");
    double[] timesteps = doubles(t.shape().rank() == 2 ? t.at(index) : t);
    Tensor velocity =
        forward(
            backend.ops(),
            backend.group(transformer.config().heads()),
            transformer,
            latents,
            reference.tensor("in.context" + suffix),
            timesteps);
    return List.of(
        Comparison.relative(
            "out.x" + suffix,
            velocity,
            reference.tensor("out.x" + suffix),
            backend.tolerance(reference.tolerance("out.x"))));
  }

  /// Returns the velocity, in host memory, for host tensors and one timestep or one for each token.
  static Tensor forward(
      Ops ops,
      WanTransformer transformer,
      List<Tensor> latents,
      Tensor context,
      double[] timesteps) {
    return forward(ops, SequenceGroup.SOLO, transformer, latents, context, timesteps);
  }

  private static Tensor forward(
      Ops ops,
      SequenceGroup group,
      WanTransformer transformer,
      List<Tensor> latents,
      Tensor context,
      double[] timesteps) {
    try (var _ = ops.scope()) {
      LatentGrid grid = LatentGrid.of(latents.getFirst().shape());
      int tokens = grid.tokens();
      double[] distinct = DoubleStream.of(timesteps).limit(tokens).distinct().toArray();
      int[] rows = new int[tokens];
      for (int i = 0; i < tokens && timesteps.length > 1; i++) {
        while (distinct[rows[i]] != timesteps[i]) {
          rows[i]++;
        }
      }
      Timesteps conditioning =
          new Timesteps(distinct, group.share(ops, ops.upload(Tensor.of(rows, tokens), DType.I32)));
      TextKeys text = transformer.core().text(ops.upload(context, DType.F32), Branch.CONDITIONAL);
      Tensor whole =
          RotaryTable.of(
              grid.frames(), grid.rows(), grid.columns(), transformer.config().headDim());
      Tensor rotary = group.share(ops, ops.upload(whole, DType.F32));
      return ops.download(
          transformer.forward(
              latents.stream().map(l -> ops.upload(l, DType.F32)).toList(),
              conditioning,
              text,
              rotary,
              ForwardPass.only(Branch.CONDITIONAL),
              BlockRun.ALWAYS));
    }
  }

  static double[] doubles(Tensor tensor) {
    float[] values = tensor.toFloats();
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
