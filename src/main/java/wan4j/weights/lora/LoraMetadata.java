package wan4j.weights.lora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.weights.file.TensorFile;

/// What a LoRA file tells of the ranks and alphas of its modules outside its tensors, in each place
/// where public programs write it: the header's `lora_adapter_metadata` (huggingface/diffusers at
/// 58eb52c, loaders/lora_base.py), plain numbers in the header, and `adapter_config.json` beside
/// the file (PEFT's LoraConfig). `ss_network_alpha` is no such number: converters leave it there
/// when they have multiplied alpha into the matrices.
final class LoraMetadata {
  private static final String HEADER = "lora_adapter_metadata";
  private static final String CONFIG = "adapter_config.json";
  private static final List<String> PLAIN = List.of("lora_alpha", "network_alpha", "alpha");

  private final TensorFile file;
  private final List<LoraSettings> places;

  private LoraMetadata(TensorFile file, List<LoraSettings> places) {
    this.file = file;
    this.places = places;
  }

  /// Reads what a file and its neighbour tell; throws `InputException` when that is damaged, is of
  /// a kind that is no plain LoRA, or differs from place to place.
  static LoraMetadata of(TensorFile file) {
    List<LoraSettings> places = new ArrayList<>();
    String header = file.metadata().get(HEADER);
    if (header != null) {
      String title = "the %s of %s".formatted(HEADER, file.path());
      places.add(LoraSettings.of(file.path(), title, Json.parse(header, title)));
    }
    for (String key : PLAIN) {
      if (file.metadata().containsKey(key)) {
        places.add(plain(file, key));
      }
    }
    Path config = file.path().resolveSibling(CONFIG);
    if (Files.isRegularFile(config)) {
      places.add(LoraSettings.of(file.path(), config.toString(), Json.read(config)));
    }
    places.removeIf(settings -> !settings.tellsAlpha());
    for (LoraSettings settings : places) {
      places.getFirst().requireSame(settings);
    }
    return new LoraMetadata(file, List.copyOf(places));
  }

  private static LoraSettings plain(TensorFile file, String key) {
    String title = "the header of " + file.path();
    String text = file.metadata().get(key).strip();
    boolean isNone = text.isEmpty() || text.equals("None") || text.equals("null");
    JsonNode fields =
        isNone
            ? Json.empty()
            : Json.parse("{\"lora_alpha\":" + text + "}", "the " + key + " in " + title);
    return LoraSettings.of(file.path(), title, fields);
  }

  /// Returns by what a module's product is multiplied: alpha / rank, or 1 where nothing tells it;
  /// throws `InputException` when its rank is not that of the matrices.
  float scale(String module, int matrixRank) {
    if (places.isEmpty()) {
      return 1f;
    }
    double scale = places.getFirst().scale(module, matrixRank);
    if (!Double.isFinite((float) scale)) {
      throw new InputException(
          "%s multiplies %s by %s; expected a finite factor: download it again"
              .formatted(file.path(), Quoted.of(module), scale));
    }
    return (float) scale;
  }
}
