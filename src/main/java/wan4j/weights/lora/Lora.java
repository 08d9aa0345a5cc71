package wan4j.weights.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.FloatReader;
import wan4j.weights.file.TensorFile;

/// A LoRA file in any of the common key styles: what it adds to which module, before it is matched
/// with a network.
public final class Lora implements AutoCloseable {
  // the matrices of a pair are called lora_A and lora_B (PEFT, perhaps with an adapter's name
  // behind), lora_down and lora_up (kohya) or lora.down and lora.up (older Diffusers)
  private static final Pattern KEY =
      Pattern.compile(
          "(.+?)(?:(?:\\.|_(?=lora\\.))(lora_A|lora_B|lora_down|lora_up|lora\\.down|lora\\.up)"
              + "(?:(?:\\.[\\w-]+)?\\.weight)?"
              + "|\\.(alpha|lora_alpha|alpha_scale|diff|diff_b|diff_m))");

  // modules that only Wan2.1's image-to-video has; such files are used with Wan2.2 without them
  private static final Pattern OF_WAN_21 =
      Pattern.compile(
          "(.*[._])?(k_img|v_img|norm_k_img|img_emb[._].*|add_k_proj|add_v_proj|norm_added_k)");

  /// What a tensor of the file is to its module.
  private enum Piece {
    DOWN,
    UP,
    ALPHA,
    /// The factor itself, alpha already divided by the rank.
    SCALE,
    WEIGHT,
    BIAS,
    /// ModelTC/LightX2V's distilled files have it for each block.
    MODULATION;

    static Piece of(String key) {
      return switch (key) {
        case "lora_A", "lora_down", "lora.down" -> DOWN;
        case "lora_B", "lora_up", "lora.up" -> UP;
        case "alpha", "lora_alpha" -> ALPHA;
        case "alpha_scale" -> SCALE;
        case "diff" -> WEIGHT;
        case "diff_b" -> BIAS;
        case "diff_m" -> MODULATION;
        default -> throw new IllegalArgumentException(key);
      };
    }
  }

  private final TensorFile file;
  private final Map<String, List<Addition>> modules;

  /// One addition to a parameter of a module: its weight, bias or modulation.
  record Addition(String parameter, LoraDelta delta) {}

  private Lora(TensorFile file, Map<String, List<Addition>> modules) {
    this.file = file;
    this.modules = modules;
  }

  /// Opens a file, or the one in a folder, and checks its keys and shapes; throws `InputException`
  /// when it is no LoRA or of an unknown style.
  public static Lora read(Path fileOrFolder) {
    Path path = LoraFolder.file(fileOrFolder);
    TensorFile file = TensorFile.open(path);
    try {
      Map<String, Map<Piece, TensorSource>> pieces = new LinkedHashMap<>();
      file.tensors().forEach((name, source) -> sort(path, pieces, name, source));
      file.unread().forEach((name, type) -> requireNone(path, name, type));
      Map<String, List<Addition>> modules = new LinkedHashMap<>();
      LoraMetadata metadata = LoraMetadata.of(file);
      pieces.forEach(
          (module, parts) -> modules.put(module, additions(path, module, parts, metadata)));
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

  /// Returns the modules of the file that a network does not have and that are left out.
  public List<String> withoutPlace(Weights network) {
    LoraNames names = new LoraNames(network);
    return modules.entrySet().stream()
        .filter(module ->
            module.getValue().stream()
                .anyMatch(addition -> names.find(module.getKey(), addition.parameter) == null))
        .map(Map.Entry::getKey)
        .toList();
  }

  /// Returns how many modules the file changes.
  public int modules() {
    return modules.size();
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
      Path path, Map<String, Map<Piece, TensorSource>> pieces, String name, TensorSource source) {
    LoraKind kind = LoraKind.of(name);
    if (kind != null) {
      throw kind.refusal(path, name);
    }
    Matcher key = KEY.matcher(name);
    if (!key.matches()) {
      throw new InputException(
          "%s holds %s, which is not a known LoRA key; expected lora_A and lora_B, lora_down and lora_up, alpha, diff, diff_b or diff_m: convert the file"
              .formatted(path, Quoted.of(name)));
    }
    Piece piece = Piece.of(key.group(2) == null ? key.group(3) : key.group(2));
    boolean isNumber = piece == Piece.ALPHA || piece == Piece.SCALE;
    if (!source.dtype().isFloat() && !isNumber) {
      throw new InputException(
          "%s holds %s as %s; expected a float type: convert the file"
              .formatted(path, Quoted.of(name), source.dtype()));
    }
    Map<Piece, TensorSource> module =
        pieces.computeIfAbsent(key.group(1), _ -> new EnumMap<>(Piece.class));
    TensorSource other = module.put(piece, source);
    if (other != null) {
      throw new InputException(
          "%s holds both %s and %s; expected one LoRA in a file: save them apart"
              .formatted(path, Quoted.of(other.name()), Quoted.of(name)));
    }
  }

  /// Refuses a matrix or number of a type that is not read; other tensors may have any type.
  private static void requireNone(Path path, String name, String type) {
    if (KEY.matcher(name).matches()) {
      throw new InputException(
          "%s holds %s as %s; expected a float type: convert the file"
              .formatted(path, Quoted.of(name), Quoted.of(type)));
    }
  }

  private static List<Addition> additions(
      Path path, String module, Map<Piece, TensorSource> parts, LoraMetadata metadata) {
    List<Addition> additions = new ArrayList<>();
    TensorSource down = parts.get(Piece.DOWN);
    TensorSource up = parts.get(Piece.UP);
    boolean hasNumber = parts.containsKey(Piece.ALPHA) || parts.containsKey(Piece.SCALE);
    if (down != null && up != null) {
      requireProduct(path, module, down.shape(), up.shape());
      float scale = scale(path, module, down.shape().length(0), parts, metadata);
      additions.add(new Addition("weight", new LoraDelta.LowRank(down, up, scale)));
    } else if (down != null || up != null || hasNumber) {
      throw new InputException(
          "%s holds only a part of %s; expected its down and up matrices: download it again"
              .formatted(path, Quoted.of(module)));
    }
    add(additions, "weight", parts.get(Piece.WEIGHT));
    add(additions, "bias", parts.get(Piece.BIAS));
    add(additions, "modulation", parts.get(Piece.MODULATION));
    return additions;
  }

  private static void add(List<Addition> additions, String parameter, TensorSource difference) {
    if (difference != null) {
      additions.add(new Addition(parameter, new LoraDelta.Difference(difference)));
    }
  }

  private static void requireProduct(Path path, String module, Shape inner, Shape outer) {
    if (inner.rank() < 2
        || outer.rank() < 2
        || inner.count() == 0
        || outer.size(1) != inner.size(0)) {
      throw new InputException(
          "%s holds %s as %s by %s; expected [out, rank] by [rank, in]: download it again"
              .formatted(path, Quoted.of(module), outer, inner));
    }
  }

  /// Returns by what a module's product is multiplied.
  private static float scale(
      Path path, String module, int rank, Map<Piece, TensorSource> parts, LoraMetadata metadata) {
    TensorSource alpha = parts.get(Piece.ALPHA);
    TensorSource scale = parts.get(Piece.SCALE);
    if (alpha != null && scale != null) {
      throw new InputException(
          "%s gives %s both an alpha and an alpha_scale; expected one of them: convert the file"
              .formatted(path, Quoted.of(module)));
    }
    if (scale != null) {
      return number(path, module, scale);
    }
    return alpha == null ? metadata.scale(module, rank) : number(path, module, alpha) / rank;
  }

  /// Returns the only element of a tensor of any type.
  private static float number(Path path, String module, TensorSource source) {
    if (source.shape().count() != 1) {
      throw new InputException(
          "%s gives %s an alpha of shape %s; expected one number: download it again"
              .formatted(path, Quoted.of(module), source.shape()));
    }
    float value = FloatReader.all(source)[0];
    if (!Float.isFinite(value)) {
      throw new InputException(
          "%s gives %s the alpha %s; expected one finite number: download it again"
              .formatted(path, Quoted.of(module), value));
    }
    return value;
  }

  /// Closes the file; what was matched can no longer be read.
  @Override
  public void close() {
    file.close();
  }
}
