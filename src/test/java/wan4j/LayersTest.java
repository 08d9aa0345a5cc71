package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import wan4j.tensor.Tensor;

class LayersTest {
  private static final Set<String> LIBRARY =
      Set.of(
          "tensor",
          "ops",
          "quant",
          "cpu",
          "cuda",
          "cuda.jit",
          "cuda.bind",
          "weights",
          "text",
          "model",
          "schedule",
          "cache",
          "parallel",
          "pipeline",
          "media",
          "verify",
          "bench");

  private static final Set<String> LIBRARY_AND_ROOT =
      Stream.concat(LIBRARY.stream(), Stream.of("")).collect(Collectors.toUnmodifiableSet());

  /// The table of ARCHITECTURE.md: which packages each package may use besides itself.
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("tensor", Set.of()),
          Map.entry("cuda.bind", Set.of()),
          Map.entry("text", Set.of("tensor")),
          Map.entry("quant", Set.of("tensor")),
          Map.entry("ops", Set.of("tensor", "quant")),
          Map.entry("cpu", Set.of("ops", "quant", "tensor")),
          Map.entry("cuda.jit", Set.of("cuda.bind")),
          Map.entry("cuda", Set.of("ops", "quant", "tensor", "cuda.jit", "cuda.bind")),
          Map.entry("weights", Set.of("tensor")),
          Map.entry("model", Set.of("ops", "quant", "tensor", "weights")),
          Map.entry("schedule", Set.of("ops", "tensor")),
          Map.entry("cache", Set.of("ops", "quant", "tensor")),
          Map.entry("parallel", Set.of("ops", "tensor", "weights")),
          Map.entry(
              "pipeline",
              Set.of(
                  "model",
                  "schedule",
                  "cache",
                  "text",
                  "ops",
                  "quant",
                  "tensor",
                  "media",
                  "weights")),
          Map.entry("media", Set.of("tensor")),
          Map.entry("verify", LIBRARY_AND_ROOT),
          Map.entry("bench", LIBRARY_AND_ROOT),
          Map.entry("", LIBRARY),
          Map.entry("cli", Set.of("", "schedule", "tensor", "media", "verify", "bench")));

  /// A class of ours as a constant pool names it, alone or within a descriptor.
  private static final Pattern CLASS =
      Pattern.compile("(?:^|[\\[(;)<]L?|^L)wan4j/((?:[a-z0-9]+/)*)[A-Z]");

  @Test
  void everyPackageUsesOnlyWhatItsLayerMayUse() throws Exception {
    Path classes =
        Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Set<String> seen = new TreeSet<>();
    Set<String> forbidden = new TreeSet<>();
    try (Stream<Path> files = Files.walk(classes.resolve("wan4j"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        String from = layer(classes.resolve("wan4j").relativize(file.getParent()).toString());
        seen.add(from);
        for (String to : used(ClassFile.of().parse(file))) {
          if (!from.equals(to) && !MAY_USE.get(from).contains(to)) {
            forbidden.add(from + " -> " + to + " in " + file.getFileName());
          }
        }
      }
    }
    assertThat(seen).contains("ops", "model", "cpu", "cuda", "cli");
    assertThat(forbidden).isEmpty();
  }

  private static Set<String> used(ClassModel model) {
    Set<String> layers = new TreeSet<>();
    for (PoolEntry entry : model.constantPool()) {
      if (entry instanceof Utf8Entry text) {
        Matcher name = CLASS.matcher(text.stringValue());
        while (name.find()) {
          layers.add(layer(name.group(1)));
        }
      }
    }
    return layers;
  }

  /// A package within a layer belongs to that layer.
  private static String layer(String folder) {
    String name = folder.replaceAll("/$", "").replace('/', '.');
    while (!MAY_USE.containsKey(name) && name.contains(".")) {
      name = name.substring(0, name.lastIndexOf('.'));
    }
    assertThat(MAY_USE).as("the layers of ARCHITECTURE.md").containsKey(name);
    return name;
  }
}
