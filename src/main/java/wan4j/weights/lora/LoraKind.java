package wan4j.weights.lora;

import java.nio.file.Path;
import java.util.regex.Pattern;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;

/// Files that are called LoRA but change a weight in another way than by one product of two
/// matrices, by the ends of their keys.
enum LoraKind {
  /// Weight-decomposed: the changed weight's columns get lengths of their own.
  DORA("DoRA", "dora_scale|lora_magnitude_vector(\\.[\\w-]+)*"),
  /// A Kronecker product.
  LOKR("LoKr", "lokr_\\w+(\\.weight)?"),
  /// An elementwise product of two products.
  LOHA("LoHa", "hada_\\w+(\\.weight)?"),
  /// Three factors of a convolution.
  TUCKER("LoRA with a Tucker decomposition (lora_mid)", "lora_mid(\\.weight)?");

  private final String title;
  private final Pattern key;

  LoraKind(String title, String ends) {
    this.title = title;
    key = Pattern.compile("(.*[._])?(" + ends + ")");
  }

  /// Returns the kind that has a tensor of this name, or null.
  static LoraKind of(String name) {
    for (LoraKind kind : values()) {
      if (kind.key.matcher(name).matches()) {
        return kind;
      }
    }
    return null;
  }

  /// Returns the refusal of a file of this kind that a tensor or entry has given away.
  InputException refusal(Path path, String sign) {
    return new InputException(
        "%s is a %s, as %s shows, which wan4j does not apply; expected a plain LoRA of two matrices a layer: merge it into a checkpoint elsewhere, or choose another"
            .formatted(path, title, Quoted.of(sign)));
  }
}
