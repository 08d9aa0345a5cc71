package wan4j.weights;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// What quantised files say of their layers beside the numbers, in each of the three places where
/// Comfy-Org/ComfyUI at a125cd8 looks for it (comfy/utils.py, convert_old_quants; comfy/ops.py):
/// the bytes of `X.comfy_quant`, the header's `_quantization_metadata`, and a marker `scaled_fp8`
/// of two elements, which stands for all layers.
///
/// @param formats the formats that are named, by layer
/// @param fullPrecision the layers whose products are to be in full precision
record QuantisationRemarks(Map<String, String> formats, Set<String> fullPrecision) {
  private static final String TENSOR = ".comfy_quant";
  private static final String HEADER = "_quantization_metadata";
  private static final String FORMAT = "format";
  private static final String FULL_PRECISION = "full_precision_matrix_mult";
  private static final long LARGEST = 1 << 16;

  /// Reads what a network's files say, its tensors having their original names already; throws
  /// `InputException` when that is damaged.
  static QuantisationRemarks of(
      Map<String, TensorSource> tensors,
      Map<String, String> metadata,
      UnaryOperator<String> translation,
      String title) {
    QuantisationRemarks remarks =
        new QuantisationRemarks(new LinkedHashMap<>(), new LinkedHashSet<>());
    String header = metadata.get(HEADER);
    if (header != null) {
      Json.parse(header, "the " + HEADER + " of " + title)
          .path("layers")
          .properties()
          .forEach(layer -> {
            // the name is that of the layer's parameters without what follows the last dot
            String weight = translation.apply(layer.getKey() + ".weight");
            remarks.add(weight.replaceFirst("\\.weight$", ""), layer.getValue());
          });
    }
    tensors.forEach((name, source) -> {
      if (name.endsWith(TENSOR)) {
        String layer = name.substring(0, name.length() - TENSOR.length());
        remarks.add(layer, Json.parse(text(source, title), "%s of %s".formatted(name, title)));
      } else if (name.endsWith(".weight") && isMarked(tensors)) {
        remarks.fullPrecision.add(name.replaceFirst("\\.weight$", ""));
      }
    });
    return remarks;
  }

  private static boolean isMarked(Map<String, TensorSource> tensors) {
    TensorSource marker = tensors.get(Weights.MARKER);
    return marker != null && marker.shape().count() == 2;
  }

  private void add(String layer, JsonNode remark) {
    String format = remark.path(FORMAT).asString("");
    if (!format.isEmpty()) {
      formats.put(layer, format);
    }
    if (remark.path(FULL_PRECISION).asBoolean(false)) {
      fullPrecision.add(layer);
    }
  }

  private static String text(TensorSource source, String title) {
    if (source.bytes() > LARGEST || source.dtype().bytes() != 1) {
      throw new InputException(
          "%s holds %s as %s %s; expected a short text: download it again"
              .formatted(title, Quoted.of(source.name()), source.dtype(), source.shape()));
    }
    byte[] bytes = new byte[(int) source.bytes()];
    source.read(0, MemorySegment.ofArray(bytes));
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
