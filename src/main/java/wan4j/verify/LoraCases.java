package wan4j.verify;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.tensor.Tensor;
import wan4j.weights.Lora;
import wan4j.weights.LoraApplication;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// A LoRA file merged into a transformer: the merged weights, and a forward without and with it.
final class LoraCases implements CaseKind {
  private static final String WEIGHT = "out.weight.";

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Path folder = reference.path("checkpoint");
    Path file = reference.folder().resolve(reference.json().path("lora_file").asString());
    float strength = (float) reference.json().path("strength").asDouble();
    double tolerance = backend.tolerance(reference.tolerance("out.merged"));
    List<Comparison> comparisons = new ArrayList<>();
    try (Weights base = Weights.open(folder, Naming.TRANSFORMER);
        Lora lora = Lora.read(file)) {
      Weights merged = base.merged(List.of(new LoraApplication(lora, strength)));
      for (String name : reference.tensors()) {
        if (name.startsWith(WEIGHT)) {
          Tensor weight = merged.tensor(name.substring(WEIGHT.length())).load();
          comparisons.add(
              Comparison.relative(name, weight, reference.tensor(name), reference.tolerance(name)));
        }
      }
      comparisons.add(
          Comparison.relative(
              "out.base",
              forward(reference, backend, folder, base),
              reference.tensor("out.base"),
              tolerance));
      comparisons.add(
          Comparison.relative(
              "out.merged",
              forward(reference, backend, folder, merged),
              reference.tensor("out.merged"),
              tolerance));
    }
    return comparisons;
  }

  private static Tensor forward(
      ReferenceCase reference, Backend backend, Path folder, Weights weights) {
    TransformerConfig config = TransformerConfig.read(folder, weights);
    try (var transformer = DitCases.transformer(config, weights, backend.ops())) {
      return DitCases.forward(
          backend.ops(),
          transformer,
          List.of(reference.tensor("in.x")),
          reference.tensor("in.context"),
          DitCases.doubles(reference.tensor("in.t")));
    }
  }
}
