package wan4j.weights.lora;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import wan4j.weights.Naming;
import wan4j.weights.Weights;

/// Finds the parameter of a network that a LoRA key means, with dots or underscores, in original or
/// Diffusers names.
final class LoraNames {
  private static final List<String> PREFIXES =
      List.of(
          "_orig_mod.",
          "module.",
          "base_model.",
          "pipe.dit.",
          "unet.",
          "dit.",
          "model.",
          "diffusion_model.",
          "transformer.",
          "transformer_2.",
          "net.",
          "generator.",
          "lycoris_",
          "lora_unet__",
          "lora_unet_",
          "lora_transformer_");

  private final Weights network;
  // module names with underscores for dots, as kohya's trainer writes them
  private final Map<String, String> flattened = new HashMap<>();

  LoraNames(Weights network) {
    this.network = network;
    for (String name : network.names()) {
      int dot = name.lastIndexOf('.');
      if (dot > 0) {
        String module = name.substring(0, dot);
        flattened.put(module.replace('.', '_'), module);
      }
    }
  }

  /// Returns the full name of a module's parameter, or null when the network does not have it.
  String find(String key, String parameter) {
    String module = withoutPrefixes(key);
    String name = module + "." + parameter;
    if (network.has(name)) {
      return name;
    }
    String original = Naming.TRANSFORMER.toOriginal(name);
    if (network.has(original)) {
      return original;
    }
    if (network.has(module)) { // a parameter that is no module's, such as a modulation
      return module;
    }
    String flat = module.replace('.', '_'); // some files mix dots and underscores
    String known = flattened.getOrDefault(flat, flattened.get(toOriginal(flat)));
    return known != null && network.has(known + "." + parameter) ? known + "." + parameter : null;
  }

  /// Strips what programs put before the names of the network, often one after the other.
  private static String withoutPrefixes(String key) {
    String module = key.replace("._orig_mod.", ".");
    for (String prefix = prefix(module); prefix != null; prefix = prefix(module)) {
      module = module.substring(prefix.length());
    }
    return module;
  }

  private static String prefix(String module) {
    return PREFIXES.stream().filter(module::startsWith).findFirst().orElse(null);
  }

  /// Translates a Diffusers module name whose dots are underscores.
  private static String toOriginal(String module) {
    return module
        .replaceFirst("_attn1_to_out_0$", "_self_attn_o")
        .replaceFirst("_attn2_to_out_0$", "_cross_attn_o")
        .replaceFirst("_attn1_(to_)?", "_self_attn_")
        .replaceFirst("_attn2_(to_)?", "_cross_attn_")
        .replaceFirst("_ffn_net_0_proj$", "_ffn_0")
        .replaceFirst("_ffn_net_2$", "_ffn_2")
        .replaceFirst("^condition_embedder_(text|time)_embedder_linear_1$", "$1_embedding_0")
        .replaceFirst("^condition_embedder_(text|time)_embedder_linear_2$", "$1_embedding_2")
        .replaceFirst("^condition_embedder_time_proj$", "time_projection_1")
        .replaceFirst("^proj_out$", "head_head");
  }
}
