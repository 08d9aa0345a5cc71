package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.ProcessorTime;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.text.Tokenizer;

/// Files of weights and tokenizers made anew after public reports and the test suites of libraries.
final class ReportedFilesTest {
  private static final Path REPORTS = Path.of("src/test/resources/reports");
  private static final Path TOKENIZER =
      Path.of("demo/checkpoint/t2v/google/umt5-xxl/tokenizer.json");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "neg.pt, n, -1",
    "state_dict_and_rng.pt, w, 1",
    "model_state_dict.pt, w, 1",
    "param_nograd.pt, p, 1",
    "tuple_keys.pt, a, 1",
    "null_meta.safetensors, a, 0",
    "dup_key.safetensors, t, 0",
    "leading_blank_header_60.safetensors, t, 120"
  })
  void filesOfTheSuitesOfLibrariesAreReadAsTheyReadThem(String name, String tensor, float first) {
    try (Weights weights = Weights.open(REPORTS.resolve("suites").resolve(name))) {
      assertThat(weights.tensor(tensor).load().toFloats()[0]).isEqualTo(first);
    }
  }

  @Test
  void oneTensorOfATypeThatNoNetworkNeedsRefusesNoFile() {
    try (Weights mixed = Weights.open(REPORTS.resolve("suites/mixed_uint16.pt"));
        Weights alone = Weights.open(REPORTS.resolve("suites/u16.safetensors"))) {
      assertThat(mixed.names()).containsExactly("a");
      assertThat(mixed.tensor("a").load().dtype()).isEqualTo(DType.F32);
      assertThat(alone.names()).isEmpty();
    }
  }

  /// As for the format's own reader.
  @Test
  void theLastOfANameCounts() throws IOException {
    String header =
        """
        {"t":{"dtype":"I32","shape":[9],"data_offsets":[0,36]},\
        "t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}\
        """;
    Path file = folder.resolve("twice.safetensors");
    try (Weights weights = Weights.open(Files.write(file, SafetensorsBytes.of(header, 4)))) {
      assertThat(weights.tensor("t").dtype()).isEqualTo(DType.U8);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'\"id\":1,' | '\"id\":-5,' | expected a whole number",
        "'\"id\":1,' | '\"id\":\"x\",' | expected a whole number",
        "'\"id\":1,' | '\"id\":1e9999999999,' | a number is out of range",
      })
  void idsOfATokenizerAreWholeNumbers(String from, String to, String words) throws IOException {
    String json = Files.readString(TOKENIZER).replaceAll("\\s*:\\s*", ":");
    assertThat(json).contains(from.replace("'", ""));
    Path own = Files.createDirectories(folder.resolve("own"));
    Files.writeString(own.resolve("tokenizer.json"), json.replace(from, to));
    assertThatThrownBy(() -> Tokenizer.load(own))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aPatternOfATokenizerTakesBoundedTime() {
    Duration before = ProcessorTime.used();
    Path hostile = REPORTS.resolve("files/16-tokenizer-redos-ck/google/umt5-xxl");
    assertThatThrownBy(() -> Tokenizer.load(hostile).encode("a".repeat(43), 64))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("refers back to one of its groups");
    assertThat(ProcessorTime.used().minus(before)).isLessThan(Duration.ofSeconds(2));
  }

  @Test
  void sentencesHaveNoControlCharactersAndShortNumbers() throws IOException {
    Path checkpoint = checkpoint("10-config-big-eps");
    assertThatThrownBy(() -> Checkpoint.open(checkpoint).config())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("gives eps as")
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(600));
    Path escaping = checkpoint("18-index-escape");
    assertThatThrownBy(() -> Checkpoint.open(escaping).transformer(Expert.HIGH_NOISE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist")
        .satisfies(
            e -> assertThat(e.getMessage().chars().noneMatch(Character::isISOControl)).isTrue());
  }

  @Test
  void ggufIsNamed() throws IOException {
    Path own = Files.createDirectories(folder.resolve("gguf"));
    Files.copy(REPORTS.resolve("files/31-gguf/a.gguf"), own.resolve("a.gguf"));
    assertThatThrownBy(() -> Checkpoint.open(own))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("GGUF");
    assertThatThrownBy(() -> Weights.open(own.resolve("a.gguf")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("GGUF");
  }

  /// Lays a report over a copy of the demo's checkpoint.
  private Path checkpoint(String report) throws IOException {
    Path demo = Path.of("demo/checkpoint/t2v");
    Path copy = folder.resolve(report);
    for (Path from : new Path[] {demo, REPORTS.resolve("files").resolve(report)}) {
      try (Stream<Path> files = Files.walk(from)) {
        for (Path file : files.toList()) {
          Path to = copy.resolve(from.relativize(file).toString());
          if (Files.isDirectory(file)) {
            Files.createDirectories(to);
          } else {
            Files.copy(file, to, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
          }
        }
      }
    }
    return copy;
  }
}
