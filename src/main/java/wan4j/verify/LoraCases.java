package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.quant.Precision;
import wan4j.tensor.Tensor;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// A LoRA file and a transformer: the merged weights; forwards without it, with it merged and with
/// it beside the weights; and the same merged and beside in each FP8 recipe.
final class LoraCases implements CaseKind {
  private static final String WEIGHT = "out.weight.";

  // A LoRA branch is rounded separately from its weight, so both modes are independent samples of
  // the same rounding error: equal in length, orthogonal in direction.
  private static final double AS_NEAR = 1.25;
  private static final double APART = 1.25 * Math.sqrt(2);

  // E4M3 by E4M3 is 3.74e-2 off in a layer. Over the few layers of these networks, whose residual
  // stream passes some of it on, it is from 4.7e-2 to 6.6e-2 in all recipes (measured on the CPU,
  // where nothing else is rounded); bfloat16 adds an independent 1e-2, which makes 6.7e-2. A
  // backend that rounds its inputs differently gets other codes: another sample.
  static final double LARGEST_FLOOR = AS_NEAR * 6.7e-2;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Path folder = reference.path("checkpoint");
    Path file = reference.folder().resolve(reference.json().path("lora_file").asString());
    float strength = (float) reference.json().path("strength").asDouble();
    double tolerance = backend.tolerance(reference.tolerance("out.merged"));
    List<Comparison> comparisons = new ArrayList<>();
    try (Weights base = Weights.open(folder, Naming.TRANSFORMER);
        Lora lora = Lora.read(file)) {
      List<LoraApplication> loras = List.of(new LoraApplication(lora, strength));
      Weights merged = AdaptedWeights.merged(base, loras);
      for (String name : reference.tensors()) {
        if (name.startsWith(WEIGHT)) {
          Tensor weight = merged.tensor(name.substring(WEIGHT.length())).load();
          comparisons.add(
              Comparison.relative(name, weight, reference.tensor(name), reference.tolerance(name)));
        }
      }
      Forward forward = new Forward(reference, backend, folder);
      Tensor truth = reference.tensor("out.merged");
      comparisons.add(
          Comparison.relative(
              "out.base",
              forward.run(base, List.of(), Precision.PLAIN),
              reference.tensor("out.base"),
              tolerance));
      comparisons.add(
          Comparison.relative(
              "out.merged", forward.run(merged, List.of(), Precision.PLAIN), truth, tolerance));
      comparisons.add(
          Comparison.relative(
              "out.merged beside", forward.run(base, loras, Precision.PLAIN), truth, tolerance));
      for (Precision precision : Precision.values()) {
        if (precision.isFloat8()) {
          Tensor rounded = forward.run(merged, List.of(), precision);
          Tensor beside = forward.run(base, loras, precision);
          comparisons.add(
              Comparison.relative(precision + " merged", rounded, truth, LARGEST_FLOOR));
          double own = Comparison.relativeError(rounded.toFloats(), truth.toFloats());
          double floor = Math.min(own, LARGEST_FLOOR);
          comparisons.add(
              Comparison.relative(precision + " beside", beside, truth, AS_NEAR * floor));
          comparisons.add(
              Comparison.relative(
                  precision + " beside against merged", beside, rounded, APART * floor));
        }
      }
    }
    return comparisons;
  }

  /// Runs the case's input through a network.
  private record Forward(ReferenceCase reference, Backend backend, Path folder) {
    Tensor run(Weights weights, List<LoraApplication> loras, Precision precision) {
      TransformerConfig config = TransformerConfig.read(folder, weights);
      List<Tensor> latents = new ArrayList<>(List.of(reference.tensor("in.x")));
      if (reference.has("in.y")) { // what image to video is conditioned on
        latents.add(reference.tensor("in.y"));
      }
      try (var transformer = DitCases.transformer(config, weights, backend.ops(), precision)) {
        transformer.adapt(loras);
        return DitCases.forward(
            backend.ops(),
            transformer,
            latents,
            reference.tensor("in.context"),
            DitCases.doubles(reference.tensor("in.t")));
      }
    }
  }
}
