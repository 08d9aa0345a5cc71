package wan4j.weights;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.Quoted;

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

  // what single-file collections put before the names of the network
  private static final List<String> WRAPPERS =
      List.of("model.diffusion_model.", "diffusion_model.", "module.");

  /// Returns the original name of a tensor; a name that the Diffusers layout does not have is
  /// returned unchanged.
  public String toOriginal(String name) {
    return NamingRules.apply(this, name);
  }

  Map<String, TensorSource> toOriginal(Map<String, TensorSource> tensors, String title) {
    String wrapper =
        WRAPPERS.stream()
            .filter(w ->
                tensors.keySet().stream()
                    .allMatch(name -> name.startsWith(w) || name.equals(Weights.MARKER)))
            .findFirst()
            .orElse("");
    boolean isDiffusers = tensors.keySet().stream().anyMatch(n -> isDiffusers(n, wrapper.length()));
    Map<String, TensorSource> renamed = new LinkedHashMap<>();
    for (Map.Entry<String, TensorSource> tensor : tensors.entrySet()) {
      String plain =
          tensor.getKey().startsWith(wrapper)
              ? tensor.getKey().substring(wrapper.length())
              : tensor.getKey();
      String name = isDiffusers ? toOriginal(plain) : plain;
      TensorSource other = renamed.putIfAbsent(name, tensor.getValue());
      // the text encoder's embedding may be stored under its two names
      if (other != null && !other.shape().equals(tensor.getValue().shape())) {
        throw new InputException(
            "%s holds %s twice with different shapes; download it again"
                .formatted(title, Quoted.of(name)));
      }
    }
    return renamed;
  }

  /// Says whether a name is one that only the Diffusers layout has.
  private boolean isDiffusers(String name, int from) {
    return switch (this) {
      case TRANSFORMER -> name.startsWith("condition_embedder.", from) || name.contains(".attn1.");
      case VAE_21, VAE_22 -> name.contains("_block");
      case TEXT_ENCODER -> name.startsWith("encoder.", from);
    };
  }
}
