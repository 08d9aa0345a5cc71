package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
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
          Map.entry("cli", Set.of("", "tensor", "media", "verify", "bench")),
          Map.entry("server", Set.of("", "tensor", "media", "verify", "bench")));

  private static final Pattern EDGE =
      Pattern.compile("^\\s+wan4j(\\S*)\\s+->\\s+wan4j(\\S*)(\\s.*)?");

  @Test
  void everyPackageUsesOnlyWhatItsLayerMayUse() throws Exception {
    Path classes =
        Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    StringWriter output = new StringWriter();
    int status =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(
                new PrintWriter(output),
                new PrintWriter(output),
                "--ignore-missing-deps",
                "--multi-release",
                "base",
                "-verbose:package",
                "-filter:none",
                "--module-path",
                System.getProperty("jdk.module.path", ""),
                classes.toString());
    assertThat(status).as(output.toString()).isZero();

    Set<String> seen = new TreeSet<>();
    List<String> forbidden = new ArrayList<>();
    for (String line : output.toString().lines().toList()) {
      Matcher edge = EDGE.matcher(line);
      if (edge.matches()) {
        String from = layer(edge.group(1));
        String to = layer(edge.group(2));
        seen.add(from);
        if (!from.equals(to) && !MAY_USE.get(from).contains(to)) {
          forbidden.add(from + " -> " + to);
        }
      }
    }
    assertThat(seen).contains("ops", "model");
    assertThat(forbidden).isEmpty();
  }

  /// A package within a layer belongs to that layer.
  private static String layer(String suffix) {
    String name = suffix.startsWith(".") ? suffix.substring(1) : suffix;
    while (!MAY_USE.containsKey(name) && name.contains(".")) {
      name = name.substring(0, name.lastIndexOf('.'));
    }
    assertThat(MAY_USE).as("the layers of ARCHITECTURE.md").containsKey(name);
    return name;
  }
}
