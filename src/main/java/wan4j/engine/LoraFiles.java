package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.files.Quoted;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.Weights;
import wan4j.weights.lora.AdaptedWeights;
import wan4j.weights.lora.Lora;
import wan4j.weights.lora.LoraApplication;

/// LoRA files that are open and belong to the networks that they change.
final class LoraFiles implements AutoCloseable {
  private final List<LoraFile> choices;
  private final List<Lora> files = new ArrayList<>();

  /// Opens the files and matches them with the networks that they change; throws `InputException`
  /// when one does not belong to its network.
  LoraFiles(List<LoraFile> choices, Checkpoint checkpoint) {
    this.choices = List.copyOf(choices);
    try {
      for (LoraFile choice : choices) {
        if (choice.target() != LoraFile.Target.ALL
            && checkpoint.experts().contains(Expert.SINGLE)) {
          throw new InputException(
              "%s is meant for one of two experts, but %s has a single transformer; give it with --lora"
                  .formatted(choice.path(), checkpoint.folder()));
        }
        files.add(Lora.read(choice.path()));
      }
      for (Expert expert : checkpoint.experts()) {
        var _ = AdaptedWeights.additions(checkpoint.transformer(expert), applications(expert));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /// Returns for each file and expert of which layers have no place there, as a sentence.
  List<String> remarks(Checkpoint checkpoint) {
    List<String> remarks = new ArrayList<>();
    for (Expert expert : checkpoint.experts()) {
      for (LoraApplication application : applications(expert)) {
        Lora lora = application.lora();
        List<String> left = lora.withoutPlace(checkpoint.transformer(expert));
        if (!left.isEmpty()) {
          remarks.add(
              "%s: %,d of the %,d layers that %s changes have no place there, such as %s; the others are changed"
                  .formatted(
                      expert.description(),
                      left.size(),
                      lora.modules(),
                      lora.path(),
                      Quoted.of(left.getFirst())));
        }
      }
    }
    return remarks;
  }

  /// Opens the files of `options` that are merged into the weights.
  static LoraFiles merged(EngineOptions options, Checkpoint checkpoint) {
    return new LoraFiles(isMerging(options, checkpoint) ? options.loras() : List.of(), checkpoint);
  }

  /// Opens the files that run beside the weights: those of `options` and of a request.
  static LoraFiles beside(EngineOptions options, List<LoraFile> requested, Checkpoint checkpoint) {
    return new LoraFiles(choices(options, requested, checkpoint), checkpoint);
  }

  /// Returns which files those are.
  static List<LoraFile> choices(
      EngineOptions options, List<LoraFile> requested, Checkpoint checkpoint) {
    List<LoraFile> wanted =
        new ArrayList<>(isMerging(options, checkpoint) ? List.of() : options.loras());
    wanted.addAll(requested);
    return wanted;
  }

  /// Says whether the files of the options are merged: in the automatic mode, where no weight is
  /// stored in FP8 and runs so, since it would have to be rounded a second time.
  private static boolean isMerging(EngineOptions options, Checkpoint checkpoint) {
    return switch (options.loraMode()) {
      case MERGE -> true;
      case SIDE -> false;
      case AUTO ->
          checkpoint.experts().stream()
              .map(checkpoint::transformer)
              .noneMatch(weights -> {
                PrecisionTable table = Precisions.table(options.quantization(), weights);
                return weights.float8().keySet().stream()
                    .anyMatch(layer -> table.precision(layer).isFloat8());
              });
    };
  }

  /// Returns the files as they were chosen.
  List<LoraFile> choices() {
    return choices;
  }

  /// Returns the weights of an expert with what the files add to it; nothing is computed before
  /// they are read. Throws `InputException` when they change a weight that is stored in FP8 and
  /// runs so by the table.
  Weights merged(Expert expert, Weights weights, PrecisionTable table) {
    List<LoraApplication> applications = applications(expert);
    return applications.isEmpty()
        ? weights
        : AdaptedWeights.merged(weights, applications, layer -> table.precision(layer).isFloat8());
  }

  /// Returns the files that change an expert.
  List<LoraApplication> applications(Expert expert) {
    List<LoraApplication> applications = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      LoraFile choice = choices.get(i);
      boolean isMeant =
          switch (choice.target()) {
            case ALL -> true;
            case HIGH_NOISE -> expert == Expert.HIGH_NOISE;
            case LOW_NOISE -> expert == Expert.LOW_NOISE;
          };
      if (isMeant) {
        applications.add(new LoraApplication(files.get(i), choice.strength()));
      }
    }
    return applications;
  }

  @Override
  public void close() {
    files.forEach(Lora::close);
  }
}
