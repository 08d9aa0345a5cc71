package wan4j.cli.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.bench.QualityConfiguration;
import wan4j.cli.GenerateFlags;
import wan4j.tensor.InputException;

/// What `wan4j bench quality` measures: each configuration is the flags of `wan4j generate` that a
/// user would type, parted by blanks, with words for the files that the measurement has.
final class QualityConfigurations {
  /// Stands for the file with a calibration's ratios.
  static final String RATIOS = "{ratios}";

  /// Stands for the LoRA file.
  static final String LORA = "{lora}";

  /// The configuration without flags, the truth for all without LoRA files.
  static final String PLAIN = "none";

  private static final Set<String> LORA_FLAGS = Set.of("--lora", "--lora_high", "--lora_low");
  private static final String MERGED = "--lora_mode merge";
  private static final String MAGCACHE = "--use_magcache --magcache_ratios " + RATIOS;
  private static final List<String> THRESHOLDS = List.of("0.02", "0.04", "0.08", "0.12", "0.24");

  private final Device device;
  private final List<String> common;
  private final Map<String, Path> files;

  /// Creates configurations on a device that share the flags `common`; `files` are those that stand
  /// for words.
  QualityConfigurations(Device device, List<String> common, Map<String, Path> files) {
    this.device = device;
    this.common = List.copyOf(common);
    this.files = Map.copyOf(files);
  }

  /// Returns all that this build has on a device, for videos of so many steps; those with a LoRA
  /// file only where there is one.
  static List<String> all(Device device, int steps, boolean hasLora) {
    List<String> all = new ArrayList<>();
    all.add("--sample_steps " + Math.ceilDiv(steps * 3, 4));
    all.add("--sample_steps " + Math.ceilDiv(steps, 2));
    THRESHOLDS.forEach(threshold -> all.add(MAGCACHE + " --magcache_thresh " + threshold));
    all.add(MAGCACHE + " --magcache_thresh 0.24 --retention_ratio 0.1");
    all.add(MAGCACHE + " --magcache_thresh 0.5 --magcache_K 8 --retention_ratio 0");
    all.add("--cache easycache");
    all.add("--cache easycache --easycache_steps 3 --easycache_thresh 0.2");
    all.add("--cfg_gate 0.5");
    if (device == Device.CUDA) {
      all.add("--precision fp32");
      all.add("--precision fp32 --tf32");
    }
    for (Quantization.Recipe recipe : Quantization.Recipe.named()) {
      String quantised = "--quantize --fp8_recipe " + recipe.spelling();
      all.add(quantised);
      if (recipe == Quantization.Recipe.DEFAULT) {
        all.add(quantised + " " + MAGCACHE + " --magcache_thresh 0.04");
        all.add(quantised + " " + MAGCACHE + " --magcache_thresh 0.12");
      }
    }
    if (hasLora) {
      String lora = "--lora " + LORA;
      all.add(lora + " --lora_mode side");
      all.add(lora + " " + MERGED + " --quantize");
      all.add(lora + " --lora_mode side --quantize");
    }
    return all;
  }

  /// Returns configurations with these flags, behind those that they are compared with: the plain
  /// one, or their own LoRA files merged into the weights. Throws `InputException` for flags that
  /// `wan4j generate` would refuse.
  List<QualityConfiguration> of(List<String> lines) {
    List<QualityConfiguration> truths = new ArrayList<>();
    List<QualityConfiguration> compared = new ArrayList<>();
    truths.add(configuration(PLAIN, PLAIN));
    for (String line : lines) {
      String truth = truth(line);
      if (truths.stream().noneMatch(known -> known.name().equals(truth))) {
        truths.add(configuration(truth, truth));
      }
      if (!line.equals(truth)) {
        compared.add(configuration(line, truth));
      }
    }
    return Stream.of(truths, compared).flatMap(List::stream).toList();
  }

  /// Returns the configuration with which one of these flags is compared.
  private static String truth(String line) {
    List<String> words = words(line);
    List<String> loras = new ArrayList<>();
    for (int i = 0; i + 1 < words.size(); i++) {
      if (LORA_FLAGS.contains(words.get(i))) {
        loras.add(words.get(i) + " " + words.get(i + 1));
      }
    }
    return loras.isEmpty() ? PLAIN : String.join(" ", loras) + " " + MERGED;
  }

  private QualityConfiguration configuration(String line, String against) {
    List<String> flags = flags(line);
    return new QualityConfiguration(
        line,
        against,
        GenerateFlags.read(flags).options(device),
        (task, prompt, seed) ->
            GenerateFlags.read(with(flags, "--prompt", prompt, "--base_seed", "" + seed))
                .request(task));
  }

  private List<String> flags(String line) {
    List<String> flags = new ArrayList<>(common);
    for (String word : words(line)) {
      if (word.equals(RATIOS) || word.equals(LORA)) {
        Path file = files.get(word);
        if (file == null) {
          throw new InputException(
              "the configuration \"%s\" needs %s, but no such file was given; give it with %s"
                  .formatted(line, word, word.equals(LORA) ? "--lora" : "--magcache_ratios"));
        }
        flags.add(file.toString());
      } else {
        flags.add(word);
      }
    }
    return flags;
  }

  private static List<String> words(String line) {
    return line.equals(PLAIN)
        ? List.of()
        : Stream.of(line.split(" +", -1)).filter(word -> !word.isEmpty()).toList();
  }

  private static List<String> with(List<String> flags, String... more) {
    return Stream.concat(flags.stream(), Stream.of(more)).toList();
  }
}
