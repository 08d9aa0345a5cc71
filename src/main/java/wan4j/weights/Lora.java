package wan4j.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A LoRA file in any of the common key styles: what it adds to which module, before it is matched
/// with a network.
public final class Lora implements AutoCloseable {
  // the matrices of a pair are called lora_A and lora_B (PEFT, perhaps with an adapter's name behind),
  // lora_down and lora_up (kohya) or lora.down and lora.up (older Diffusers)
  private static final Pattern KEY =
      Pattern.compile(
          "(.+?)(?:(?:\\.|_(?=lora\\.))(lora_A|lora_B|lora_down|lora_up|lora\\.down|lora\\.up)"
              + "(?:(?:\\.[\\w-]+)?\\.weight)?|\\.(alpha|diff|diff_b|diff_m))");

  // modules that only Wan2.1's image-to-video has; such files are used with Wan2.2 without them
  private static final Pattern OF_WAN_21 =
      Pattern.compile(
          "(.*[._])?(k_img|v_img|norm_k_img|img_emb[._].*|add_k_proj|add_v_proj|norm_added_k)");

  /// The pieces of one module as they are found in the file.
  private static final class Pieces {
    TensorSource down;
    TensorSource up;
    TensorSource alpha;
    TensorSource weight;
    TensorSource bias;
    TensorSource modulation; // ModelTC/LightX2V's distilled files have it for each block
  }

  private final TensorFile file;
  private final Map<String, List<Addition>> modules;

  /// One addition to a parameter of a module: its weight, bias or modulation.
  record Addition(String parameter, LoraDelta delta) {}

  private Lora(TensorFile file, Map<String, List<Addition>> modules) {
    this.file = file;
    this.modules = modules;
  }

  /// Opens a file and checks its keys and shapes; throws `InputException` when it is no LoRA or of
  /// an unknown style.
  public static Lora read(Path path) {
    TensorFile file = TensorFile.open(path);
    try {
      Map<String, Pieces> pieces = new LinkedHashMap<>();
      file.tensors().forEach((name, source) -> sort(path, pieces, name, source));
      Map<String, List<Addition>> modules = new LinkedHashMap<>();
      pieces.forEach((module, parts) -> modules.put(module, additions(path, module, parts)));
      return new Lora(file, modules);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /// Returns where the file lies.
  public Path path() {
    return file.path();
  }

  /// Returns what the file adds to which parameter of a network, by original names; throws
  /// `InputException` when a module is missing there or has another shape.
  public Map<String, LoraDelta> match(Weights network) {
    LoraNames names = new LoraNames(network);
    Map<String, LoraDelta> matched = new LinkedHashMap<>();
    modules.forEach((module, additions) -> {
      for (Addition addition : additions) {
        String name = names.find(module, addition.parameter);
        if (name != null) {
          put(matched, name, addition.delta, network.shape(name));
        } else if (!OF_WAN_21.matcher(module).matches()) {
          throw new InputException(
              "%s changes the %s of %s, which %s does not have; expected a LoRA for this very network: choose another"
                  .formatted(path(), addition.parameter, Quoted.of(module), network));
        }
      }
    });
    if (matched.isEmpty()) {
      throw new InputException(
          "%s changes nothing in %s; expected a LoRA for this very network: choose another"
              .formatted(path(), network));
    }
    return matched;
  }

  private void put(Map<String, LoraDelta> matched, String name, LoraDelta delta, Shape shape) {
    if (!delta.fits(shape)) {
      throw new InputException(
          "%s changes %s by %s, but it has shape %s; expected a LoRA for this very network: choose another"
              .formatted(path(), name, delta.describe(), shape));
    }
    if (matched.put(name, delta) != null) {
      throw new InputException(
          "%s changes %s twice; expected each module once: download it again"
              .formatted(path(), name));
    }
  }

  private static void sort(
      Path path, Map<String, Pieces> pieces, String name, TensorSource source) {
    Matcher key = KEY.matcher(name);
    if (!key.matches()) {
      throw new InputException(
          "%s holds %s, which is no known LoRA key; expected lora_A and lora_B, lora_down and lora_up, alpha, diff, diff_b or diff_m: convert the file"
              .formatted(path, Quoted.of(name)));
    }
    if (!source.dtype().isFloat()) {
      throw new InputException(
          "%s holds %s as %s; expected a float type: convert the file"
              .formatted(path, Quoted.of(name), source.dtype()));
    }
    Pieces module = pieces.computeIfAbsent(key.group(1), k -> new Pieces());
    switch (key.group(2) == null ? key.group(3) : key.group(2)) {
      case "lora_A", "lora_down", "lora.down" -> module.down = source;
      case "lora_B", "lora_up", "lora.up" -> module.up = source;
      case "alpha" -> module.alpha = source;
      case "diff" -> module.weight = source;
      case "diff_b" -> module.bias = source;
      default -> module.modulation = source;
    }
  }

  private static List<Addition> additions(Path path, String module, Pieces parts) {
    List<Addition> additions = new ArrayList<>();
    if (parts.down != null && parts.up != null) {
      additions.add(new Addition("weight", lowRank(path, module, parts)));
    } else if (parts.down != null || parts.up != null || parts.alpha != null) {
      throw new InputException(
          "%s holds only a part of %s; expected its down and up matrices: download it again"
              .formatted(path, Quoted.of(module)));
    }
    if (parts.weight != null) {
      additions.add(new Addition("weight", new LoraDelta.Difference(parts.weight)));
    }
    if (parts.bias != null) {
      additions.add(new Addition("bias", new LoraDelta.Difference(parts.bias)));
    }
    if (parts.modulation != null) {
      additions.add(new Addition("modulation", new LoraDelta.Difference(parts.modulation)));
    }
    return additions;
  }

  private static LoraDelta lowRank(Path path, String module, Pieces parts) {
    Shape down = parts.down.shape();
    Shape up = parts.up.shape();
    if (down.rank() < 2 || up.rank() < 2 || down.count() == 0 || up.size(1) != down.size(0)) {
      throw new InputException(
          "%s holds %s as %s by %s; expected [out, rank] by [rank, in]: download it again"
              .formatted(path, Quoted.of(module), up, down));
    }
    if (parts.alpha == null) {
      return new LoraDelta.LowRank(parts.down, parts.up, 1f);
    }
    float alpha = parts.alpha.shape().count() == 1 ? FloatReader.all(parts.alpha)[0] : Float.NaN;
    if (!Float.isFinite(alpha)) {
      throw new InputException(
          "%s gives %s the alpha %s; expected one finite number: download it again"
              .formatted(path, Quoted.of(module), alpha));
    }
    return new LoraDelta.LowRank(parts.down, parts.up, alpha / down.size(0));
  }

  /// Closes the file; what was matched can no longer be read.
  @Override
  public void close() {
    file.close();
  }
}
