package wan4j.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.Quantization;
import wan4j.files.Quoted;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// What a user may want to know of a checkpoint's files before they are used, each as a sentence.
final class CheckpointRemarks {
  private CheckpointRemarks() {}

  static List<String> of(
      Checkpoint checkpoint, TransformerConfig config, Quantization quantization) {
    List<String> remarks = new ArrayList<>();
    for (Expert expert : checkpoint.experts()) {
      Weights weights = checkpoint.transformer(expert);
      remarks.addAll(surplus(expert, weights));
      StoredFormat stored = StoredFormat.of(weights);
      int plain = stored.fullPrecision().size();
      if (plain > 0 && quantization.recipe() == Quantization.Recipe.STORED) {
        remarks.add(
            "%s: its files want the products of %,d layers that they store in FP8 in full precision, so these run in bf16 (--quantize runs them in FP8)"
                .formatted(expert.description(), plain));
      }
      int again = stored.quantisedAgain(config, weights, Precisions.table(quantization, weights));
      if (again > 0) {
        remarks.add(
            "%s: %,d weights that are stored in FP8 with %s are quantised again as %s"
                .formatted(
                    expert.description(),
                    again,
                    stored.scales(),
                    Precisions.recipe(quantization, weights).spelling()));
      }
    }
    return remarks;
  }

  private static List<String> surplus(Expert expert, Weights weights) {
    List<Path> files = weights.surplus();
    if (files.isEmpty()) {
      return List.of();
    }
    String others = files.size() == 1 ? "" : " and %d more".formatted(files.size() - 1);
    return List.of(
        "%s: %s is used; %s%s beside it %s not"
            .formatted(
                expert.description(),
                Quoted.plain(weights.paths().getFirst().getFileName().toString()),
                Quoted.plain(files.getFirst().getFileName().toString()),
                others,
                files.size() == 1 ? "is" : "are"));
  }
}
