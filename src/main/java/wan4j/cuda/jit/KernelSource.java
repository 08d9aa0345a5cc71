package wan4j.cuda.jit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/// A kernel file with the constants that one instance of it is compiled for. Constants are Integer,
/// Long, Float or Boolean values by name and appear above the file as `constexpr` definitions;
/// `options` are further compiler flags, such as `--use_fast_math`.
public record KernelSource(String file, SortedMap<String, Object> constants, List<String> options) {
  private static final Pattern INCLUDE =
      Pattern.compile("^[ \\t]*#[ \\t]*include[ \\t]*([\"<])([^\">]+)[\">]", Pattern.MULTILINE);
  private static final Pattern NAME = Pattern.compile("[A-Z][A-Z0-9_]*");
  private static final String FOLDER = "/wan4j/cuda/source/";

  /// What [#texts] gives for each file: the same for all its instances.
  private static final Map<String, SortedMap<String, String>> TEXTS = new ConcurrentHashMap<>();

  /// Refuses constants whose names or types the kernels' convention does not know.
  public KernelSource {
    constants = Collections.unmodifiableSortedMap(new TreeMap<>(constants));
    options = List.copyOf(options);
    for (var constant : constants.entrySet()) {
      if (!NAME.matcher(constant.getKey()).matches()) {
        throw new IllegalArgumentException(
            "a kernel constant is named in capitals, got " + constant.getKey());
      }
      definition(constant.getKey(), constant.getValue());
    }
  }

  /// One instance of a file of `src/main/cuda`, for example `norm.cu` with `DIM` = 5120.
  public static KernelSource of(String file, Map<String, Object> constants) {
    return new KernelSource(file, new TreeMap<>(constants), List.of());
  }

  /// The instance that a line names: a file and its constants, as `norm.cu DIM=5120 SILU=true`.
  public static KernelSource of(String line) {
    String[] words = line.split(" ", -1);
    Map<String, Object> constants = new TreeMap<>();
    for (int i = 1; i < words.length; i++) {
      String[] constant = words[i].split("=", -1);
      constants.put(
          constant[0],
          switch (constant[1]) {
            case "true" -> true;
            case "false" -> false;
            default -> Integer.valueOf(constant[1]);
          });
    }
    return of(words[0], constants);
  }

  /// The instances that a request's text encoder, autoencoder and transformer of a width ask for
  /// besides attention, in the order in which they do; none for a width of no published model.
  public static List<KernelSource> ofWidth(int width) {
    try (var stream =
        KernelSource.class.getResourceAsStream("/wan4j/cuda/kernels-%d.txt".formatted(width))) {
      return stream == null
          ? List.of()
          : new String(stream.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .map(KernelSource::of)
              .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The text that is compiled: the constants, then the file by inclusion.
  public String program() {
    var text = new StringBuilder();
    constants.forEach((name, value) -> text.append(definition(name, value)).append('\n'));
    return text.append("#include \"").append(file).append("\"\n").toString();
  }

  /// The file and everything that it includes, directly or not, by name.
  SortedMap<String, String> texts() {
    return TEXTS.computeIfAbsent(
        file,
        name -> {
          var texts = new TreeMap<String, String>();
          collect(name, texts);
          return Collections.unmodifiableSortedMap(texts);
        });
  }

  private static void collect(String name, SortedMap<String, String> texts) {
    if (texts.containsKey(name)) {
      return;
    }
    var text = read(name);
    texts.put(name, text);
    var matcher = INCLUDE.matcher(text);
    while (matcher.find()) {
      if (matcher.group(1).equals("<")) {
        throw new IllegalArgumentException(
            name
                + " includes <"
                + matcher.group(2)
                + ">, which does not come with NVRTC; kernels include only the project's headers");
      }
      collect(matcher.group(2), texts);
    }
  }

  private static String read(String name) {
    try (var stream = KernelSource.class.getResourceAsStream(FOLDER + name)) {
      if (stream == null) {
        throw new IllegalArgumentException("there is no kernel file named " + name);
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String definition(String name, Object value) {
    return switch (value) {
      case Boolean flag -> "constexpr bool " + name + " = " + flag + ";";
      case Integer number -> "constexpr int " + name + " = " + number + ";";
      case Long number -> "constexpr long long " + name + " = " + number + "LL;";
      case Float number -> "constexpr float " + name + " = " + Float.toHexString(number) + "f;";
      default ->
          throw new IllegalArgumentException(
              "a kernel constant is an Integer, Long, Float or Boolean, got "
                  + name
                  + " = "
                  + value);
    };
  }
}
