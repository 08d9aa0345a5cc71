package wan4j.verify;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.model.UmT5Encoder;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// The text encoder on padded ids; rows of padding are compared too.
final class UmT5Cases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Tensor ids = reference.tensor("in.ids");
    Tensor mask = reference.tensor("in.mask");
    Tensor full = reference.tensor("out.full");
    double tolerance = backend.tolerance(reference.tolerance("out.full"));
    List<Comparison> comparisons = new ArrayList<>();
    try (var checkpoint = Checkpoint.open(reference.path("checkpoint"));
        var encoder = new UmT5Encoder(checkpoint.textEncoder(), backend.ops())) {
      for (int i = 0; i < ids.length(0); i++) {
        int valid = Arrays.stream(mask.at(i).toInts()).sum();
        try (var _ = backend.ops().scope()) {
          Tensor states = backend.ops().download(encoder.encode(ids.at(i).toInts(), valid));
          comparisons.add(Comparison.relative("out.full." + i, states, full.at(i), tolerance));
          comparisons.add(
              Comparison.relative(
                  "out.context." + i,
                  states.slice(0, valid),
                  reference.tensor("out.context." + i),
                  tolerance));
        }
      }
    }
    return comparisons;
  }
}
