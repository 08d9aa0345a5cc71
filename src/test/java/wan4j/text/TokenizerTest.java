package wan4j.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;

class TokenizerTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final Path T2V = ReferencePrompts.golden("ckpt/t2v-tiny/google/umt5-xxl");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"a-len32", "a-len512", "b-bytefallback-len32"})
  void everyPromptOfAReferenceCaseHasTheSameCleanedTextIdsAndMask(String name) throws IOException {
    Path directory = ReferencePrompts.golden("tokenizer").resolve(name);
    JsonNode reference = JSON.readTree(Files.readString(directory.resolve("case.json")));
    int textLength = reference.path("text_len").asInt();
    Path tokenizerFolder = ReferencePrompts.golden(reference.path("tokenizer").asString());
    var tokenizer = Tokenizer.load(tokenizerFolder);
    int[] ids = integers(directory.resolve("case.safetensors"), "out.ids");
    int[] masks = integers(directory.resolve("case.safetensors"), "out.mask");

    JsonNode prompts = reference.path("prompts");
    assertThat(ids).hasSize(prompts.size() * textLength).hasSizeGreaterThan(0);
    for (int i = 0; i < prompts.size(); i++) {
      String prompt = prompts.path(i).path("prompt").asString();
      String cleaned = PromptCleaner.clean(prompt);
      TokenIds tokens = tokenizer.encode(cleaned, textLength);

      int from = i * textLength;
      assertThat(cleaned).isEqualTo(prompts.path(i).path("cleaned").asString());
      assertThat(tokens.ids())
          .as(prompt)
          .isEqualTo(Arrays.copyOfRange(ids, from, from + textLength));
      assertThat(tokens.mask()).isEqualTo(Arrays.copyOfRange(masks, from, from + textLength));
      assertThat(tokens.length()).isEqualTo(Arrays.stream(tokens.mask()).sum());
    }
  }

  @Test
  void promptsOfTheTableHaveTheIdsOfTheTokenizersLibrary() {
    var fused = Tokenizer.load(T2V);
    var bytewise = Tokenizer.load(ReferencePrompts.golden("ckpt/ti2v-tiny/google/umt5-xxl"));
    var rows = ReferencePrompts.table("tokenized-prompts.txt");

    assertThat(rows).hasSizeGreaterThan(100);
    for (String[] row : rows) {
      assertThat(ids(fused, row[0], 24)).as(row[0]).isEqualTo(row[1]);
      assertThat(ids(bytewise, row[0], 24)).as(row[0]).isEqualTo(row[2]);
    }
  }

  @Test
  void theSentencePieceModelAloneGivesTheSameIdsAsTheJson() throws IOException {
    for (String name : new String[] {"spiece.model", "tokenizer_config.json"}) {
      Files.copy(T2V.resolve(name), folder.resolve(name));
    }
    var json = Tokenizer.load(stripping(T2V));
    var model = Tokenizer.load(folder);

    int longer = 0;
    for (String[] row : ReferencePrompts.table("cleaned-prompts.txt")) {
      assertThat(ids(model, row[1], 64)).as(row[1]).isEqualTo(ids(json, row[1], 64));
    }
    for (String[] row : ReferencePrompts.table("tokenized-prompts.txt")) {
      assertThat(ids(model, row[0], 24)).as(row[0]).isEqualTo(ids(json, row[0], 24));
      longer += ids(model, row[0], 24).equals(row[1]) ? 0 : 1;
    }
    assertThat(longer).as("prompts that end in blanks").isPositive();
  }

  @Test
  void aSentencePieceModelWithoutACharacterMapIsReadToo() throws IOException {
    Path s2v = ReferencePrompts.golden("s2v-ckpt/google/umt5-xxl");
    Files.copy(s2v.resolve("spiece.model"), folder.resolve("spiece.model"));

    assertThat(ids(Tokenizer.load(folder), "the cat on the tree </s> the", 32))
        .isEqualTo(ids(Tokenizer.load(s2v), "the cat on the tree</s> the", 32));
  }

  @Test
  void aSentencePieceModelOfAnotherFileIsReadFromItsBytes() throws IOException {
    byte[] model = Files.readAllBytes(T2V.resolve("spiece.model"));
    Files.write(folder.resolve("spiece.model"), model);
    var own = Tokenizer.load(folder);
    var carried = Tokenizer.ofSentencePieces(model, "a file");
    for (String[] row : ReferencePrompts.table("cleaned-prompts.txt")) {
      assertThat(ids(carried, row[1], 64)).isEqualTo(ids(own, row[1], 64));
    }
    assertThat(carried.largestId()).isLessThan(Tokenizer.load(T2V).largestId());
  }

  /// A copy of a folder's tokenizer.json with the step that umT5's own has, and converters write:
  /// blanks at the end of a stretch of text go.
  private Path stripping(Path tokenizer) throws IOException {
    String json = Files.readString(tokenizer.resolve("tokenizer.json"));
    String step = "{\"type\": \"Strip\", \"strip_left\": false, \"strip_right\": true}, ";
    String changed = json.replaceFirst("\\{\\s*\"type\":\\s*\"Replace\"", step + "$0");
    assertThat(changed.length()).isGreaterThan(json.length());
    Path copy = Files.createDirectory(folder.resolve("stripping"));
    Files.writeString(copy.resolve("tokenizer.json"), changed);
    return copy;
  }

  @Test
  void theEmptyPromptIsTheClosingTokenAlone() {
    TokenIds tokens = Tokenizer.load(T2V).encode("", 4);

    assertThat(tokens.ids()).containsExactly(1, 0, 0, 0);
    assertThat(tokens.mask()).containsExactly(1, 0, 0, 0);
    assertThat(tokens.length()).isEqualTo(1);
  }

  @Test
  void aPromptThatIsTooLongKeepsItsClosingToken() {
    TokenIds tokens = Tokenizer.load(T2V).encode("a a a a a a a", 3);

    assertThat(tokens.ids()).containsExactly(261, 261, 1);
    assertThat(tokens.length()).isEqualTo(3);
  }

  @Test
  void aTextLengthWithoutRoomForTheClosingTokenIsRefused() {
    var tokenizer = Tokenizer.load(T2V);

    assertThatThrownBy(() -> tokenizer.encode("a", 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("text length 0");
  }

  @Test
  void aFolderWithoutATokenizerIsNamed() {
    assertThatThrownBy(() -> Tokenizer.load(folder.resolve("nowhere")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("nowhere")
        .hasMessageContaining("spiece.model");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[",
        "[]",
        "{}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}",
        "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":1}}",
        "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]],\"unk_id\":0}}",
        "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":0}}",
        "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}}",
        "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!\"}}",
        "{\"normalizer\":{\"type\":\"BertNormalizer\"}}",
        "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}}",
        "{\"added_tokens\":[{\"content\":\"a\"}]}",
        "{\"post_processor\":{\"type\":\"ByteLevel\"}}",
        "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}}"
      })
  void aTokenizerFileThatIsNotUmT5sIsRefusedInOneSentence(String content) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), content);

    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("tokenizer.json")
        .message()
        .doesNotContain("\n");
  }

  @Test
  void aDamagedSentencePieceModelIsReadOrRefusedButNeverCrashes() throws IOException {
    byte[] model =
        Files.readAllBytes(ReferencePrompts.golden("s2v-ckpt/google/umt5-xxl/spiece.model"));
    var random = new Random(7);
    int refused = 0;
    for (int round = 0; round < 500; round++) {
      byte[] damaged =
          Arrays.copyOf(model, round % 2 == 0 ? model.length : random.nextInt(model.length));
      for (int i = 0; i < 4 && damaged.length > 0; i++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      Files.write(folder.resolve("spiece.model"), damaged);
      try {
        assertThat(Tokenizer.load(folder).encode("the cat é", 16).ids()).hasSize(16);
      } catch (InputException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(1, 499);
  }

  @Test
  void aSentencePieceModelOfAnotherKindIsRefused() throws IOException {
    // One field: trainer_spec { model_type: BPE }.
    Files.write(folder.resolve("spiece.model"), new byte[] {0x12, 2, 0x18, 2});

    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("model type 2");
  }

  private static String ids(Tokenizer tokenizer, String prompt, int textLength) {
    TokenIds tokens = tokenizer.encode(prompt, textLength);
    return Arrays.stream(tokens.ids())
        .limit(tokens.length())
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(" "));
  }

  /// The int32 tensor of a name in a safetensors file.
  private static int[] integers(Path file, String name) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[(int) bytes.getLong()];
    bytes.get(header);
    JsonNode tensor = JSON.readTree(new String(header, StandardCharsets.UTF_8)).path(name);
    assertThat(tensor.path("dtype").asString()).isEqualTo("I32");
    int start = tensor.path("data_offsets").path(0).asInt();
    int end = tensor.path("data_offsets").path(1).asInt();
    int[] values = new int[(end - start) / Integer.BYTES];
    bytes
        .slice(bytes.position() + start, end - start)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(values);
    return values;
  }
}
