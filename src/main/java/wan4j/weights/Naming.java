package wan4j.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// How the names of a network in the Diffusers layout translate to those of the original download.
public enum Naming {
  /// The transformer: both experts, and the single one of TI2V-5B.
  TRANSFORMER,
  /// The Wan2.1 VAE.
  VAE_21,
  /// The Wan2.2 VAE.
  VAE_22,
  /// The umT5 text encoder.
  TEXT_ENCODER;

  // what programs put before all names of a network, one after the other in any order: PyTorch's
  // wrappers, the part of a whole pipeline that it is
  private static final List<String> WRAPPERS =
      List.of(
          "_orig_mod.",
          "module.",
          "model.diffusion_model.",
          "diffusion_model.",
          "model.",
          "transformer.",
          "transformer_2.",
          "first_stage_model.",
          "vae.",
          "text_encoder.",
          "text_encoders.umt5xxl.transformer.",
          "net.",
          "generator.");

  // what PyTorch's wrappers put within a name
  private static final Pattern INNER_WRAPPERS =
      Pattern.compile("(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\\.");

  /// Returns the original name of a tensor; a name that the Diffusers layout does not have is
  /// returned unchanged.
  public String toOriginal(String name) {
    return NamingRules.apply(this, name);
  }

  /// Returns what turns the names of a file into those of the original network: what is put before
  /// all of them goes, and Diffusers' names are translated where the file has such.
  UnaryOperator<String> translation(Collection<String> names) {
    List<String> prefixes = new ArrayList<>();
    List<String> left = names.stream().map(Naming::withoutInnerWrappers).toList();
    for (String prefix = commonPrefix(left); prefix != null; prefix = commonPrefix(left)) {
      prefixes.add(prefix);
      String own = prefix;
      left = left.stream().map(name -> without(own, name)).toList();
    }
    boolean isDiffusers = left.stream().anyMatch(this::isDiffusers);
    return name -> {
      String plain = withoutInnerWrappers(name);
      for (String prefix : prefixes) {
        plain = without(prefix, plain);
      }
      return isDiffusers ? toOriginal(plain) : plain;
    };
  }

  /// Returns what programs put before all of these names, or null.
  private static String commonPrefix(List<String> names) {
    return WRAPPERS.stream()
        .filter(prefix ->
            names.stream().anyMatch(name -> name.startsWith(prefix))
                && names.stream()
                    .allMatch(name -> name.startsWith(prefix) || Weights.isRemark(name)))
        .findFirst()
        .orElse(null);
  }

  private static String without(String prefix, String name) {
    return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
  }

  private static String withoutInnerWrappers(String name) {
    return name.indexOf('_') < 0 ? name : INNER_WRAPPERS.matcher(name).replaceAll("");
  }

  Map<String, TensorSource> toOriginal(
      Map<String, TensorSource> tensors, UnaryOperator<String> translation, String title) {
    Map<String, TensorSource> renamed = new LinkedHashMap<>();
    tensors.forEach((stored, source) -> {
      String name = translation.apply(stored);
      TensorSource other = renamed.putIfAbsent(name, source);
      // the text encoder's embedding may be stored under its two names
      if (other != null && !other.shape().equals(source.shape())) {
        throw new InputException(
            "%s holds %s twice with different shapes; download it again"
                .formatted(title, Quoted.of(name)));
      }
    });
    return renamed;
  }

  /// Says whether a name is one that only the Diffusers layout has.
  private boolean isDiffusers(String name) {
    return switch (this) {
      case TRANSFORMER -> name.startsWith("condition_embedder.") || name.contains(".attn1.");
      case VAE_21, VAE_22 -> name.contains("_block");
      case TEXT_ENCODER -> name.startsWith("encoder.");
    };
  }
}
