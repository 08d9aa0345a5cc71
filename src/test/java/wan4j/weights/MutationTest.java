package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Random;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import wan4j.ProcessorTime;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.text.Tokenizer;
import wan4j.weights.file.PositionedFile;
import wan4j.weights.file.TensorFile;
import wan4j.weights.file.ZipEntries;
import wan4j.weights.lora.Lora;

/// Damages valid files in thousands of ways: each is read, or refused in one sentence, and soon.
/// The system property `wan4j.mutations` sets how many cases each family has.
final class MutationTest {
  private static final String[] PICKLES = {"types", "float8", "strided", "protocol2", "protocol4"};
  private static final Duration LONGEST = Duration.ofSeconds(20);
  private static final int CASES = Integer.getInteger("wan4j.mutations", 2000);

  private static Path folder;
  private static byte[] safetensors;
  private static final byte[][] pickles = new byte[PICKLES.length][];
  private static final int[] pickleStart = new int[PICKLES.length];
  private static final int[] pickleLength = new int[PICKLES.length];

  @BeforeAll
  static void prepare() throws IOException {
    // thousands of small files are written much faster to memory than to a disk
    Path memory = Path.of("/dev/shm");
    folder =
        Files.isWritable(memory)
            ? Files.createTempDirectory(memory, "mutations")
            : Files.createTempDirectory("mutations");
    String header =
        """
        {"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
        "a.bias":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},\
        "b":{"dtype":"F8_E4M3","shape":[],"data_offsets":[32,33]}}\
        """;
    safetensors = SafetensorsBytes.of(header, 33);
    for (int i = 0; i < pickles.length; i++) {
      Path path = Path.of("src/test/resources/pickle", PICKLES[i] + ".pth");
      pickles[i] = Files.readAllBytes(path);
      try (PositionedFile file = PositionedFile.open(path)) {
        ZipEntries zip = ZipEntries.read(file);
        ZipEntries.Entry entry = zip.entries().get(PICKLES[i] + "/data.pkl");
        pickleStart[i] = (int) zip.position(entry);
        pickleLength[i] = (int) entry.size();
      }
    }
  }

  @AfterAll
  static void remove() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void damagedSafetensorsAreReadOrRefused() {
    forSeeds(
        CASES, seed -> readsOrRefuses(mutate(safetensors, seed, edits(seed, 6)), ".safetensors"));
  }

  @Test
  void damagedPyTorchFilesAreReadOrRefused() {
    forSeeds(
        CASES,
        seed -> {
          byte[] whole = pickles[(int) (seed % pickles.length)];
          readsOrRefuses(mutate(whole, seed, edits(seed, 6)), ".pth");
        });
  }

  @Test
  void damagedPicklesInAnIntactZipAreReadOrRefused() {
    forSeeds(CASES, MutationTest::damagedPickleIsReadOrRefused);
  }

  private static void damagedPickleIsReadOrRefused(long seed) {
    int which = (int) (seed % pickles.length);
    int from = pickleStart[which];
    int length = pickleLength[which];
    // bytes are only exchanged, so that the zip stays whole
    byte[] damaged = pickles[which].clone();
    Random random = new Random(seed);
    for (int i = 0; i < edits(seed, 4); i++) {
      int other = from + random.nextInt(length);
      damaged[from + random.nextInt(length)] =
          random.nextBoolean() ? (byte) random.nextInt(256) : damaged[other];
    }
    readsOrRefuses(damaged, ".pth");
  }

  @Test
  void randomPicklesAreRefused() {
    forSeeds(CASES, MutationTest::randomPickleIsRefused);
  }

  private static void randomPickleIsRefused(long seed) {
    Random random = new Random(seed);
    String instructions =
        "(.0123NIJKMXTUBC]})tldaesuqrhjcRbQ\u0080\u0081\u0085\u0086\u0087\u0088\u0089\u008a\u008c\u008e\u008f\u0090\u0091\u0093\u0094\u0095";
    byte[] bytes = pickles[0].clone();
    // what follows the last instruction is not looked at
    for (int i = 2; i < 80; i++) {
      bytes[pickleStart[0] + i] =
          (byte)
              (random.nextInt(3) == 0
                  ? random.nextInt(4)
                  : instructions.charAt(random.nextInt(instructions.length())));
    }
    bytes[pickleStart[0] + 80] = '.';
    readsOrRefuses(bytes, ".pth");
  }

  @Test
  void aDamagedConfigIsReadOrRefused() {
    forSeeds(CASES, MutationTest::damagedConfigIsReadOrRefused);
  }

  private static void damagedConfigIsReadOrRefused(long seed) {
    byte[] config =
        """
        {"dim": 96, "ffn_dim": 256, "freq_dim": 64, "in_dim": 16, "model_type": "t2v", "num_heads": 3, "num_layers": 4,
         "out_dim": 16, "text_len": 32, "eps": 1e-06, "patch_size": [1, 2, 2]}\
        """
            .getBytes(StandardCharsets.UTF_8);
    Weights weights = Weights.ofShapes(Path.of("src/test/resources/lora/t2v-tiny.json"));
    Path file = write("config.json", mutate(config, seed, edits(seed, 5)));
    try {
      TransformerConfig read = TransformerConfig.of(ConfigFile.read(file), weights);
      assertThat(read.dim()).isEqualTo(96);
    } catch (InputException e) {
      assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(700);
    }
  }

  @Test
  void aDamagedTokenizerIsReadOrRefused() {
    byte[] tokenizer =
        """
        {"added_tokens": [{"id": 0, "content": "<pad>"}, {"id": 1, "content": "</s>"}],
         "normalizer": {"type": "Sequence", "normalizers": [
          {"type": "Strip", "strip_left": false, "strip_right": true},
          {"type": "Replace", "pattern": {"Regex": "( |[0-9]){2,}"}, "content": " "}]},
         "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "split": true},
         "post_processor": {"type": "TemplateProcessing",
          "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "</s>"}}],
          "special_tokens": {"</s>": {"id": "</s>", "ids": [1]}}},
         "model": {"type": "Unigram", "unk_id": 2,
          "vocab": [["<pad>", 0.0], ["</s>", 0], ["<unk>", 0e0], ["_", -1.5], ["_a", -2.25e-1]]}}
        """
            .getBytes(StandardCharsets.UTF_8);
    forSeeds(
        CASES,
        seed -> tokenizes("tokenizer.json", mutate(tokenizer, seed, edits(seed, 5)), "tokenizer"));
  }

  @Test
  void aDamagedSentencePieceModelIsReadOrRefused() throws IOException {
    Path model = Path.of("src/test/resources/golden/s2v-ckpt/google/umt5-xxl/spiece.model");
    byte[] whole = Files.readAllBytes(model);
    forSeeds(
        CASES, seed -> tokenizes("spiece.model", mutate(whole, seed, edits(seed, 6)), "pieces"));
  }

  private static void tokenizes(String name, byte[] bytes, String place) {
    Duration before = ProcessorTime.used();
    try {
      Path own = Files.createDirectories(folder.resolve(place));
      Files.write(own.resolve(name), bytes);
      Tokenizer tokenizer = Tokenizer.load(own);
      for (int id : tokenizer.encode("a  a <pad> b", 16).ids()) {
        assertThat(id).isBetween(0, tokenizer.largestId());
      }
    } catch (InputException e) {
      assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(900);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(ProcessorTime.used().minus(before)).isLessThan(LONGEST);
  }

  @Test
  void aDamagedLoraIsReadOrRefused() {
    String settings = "{\"lora_alpha\": 4, \"r\": 2, \"alpha_pattern\": {\"(q|k)[0-9]*\": 8}}";
    byte[] lora =
        SafetensorsBytes.of(
            """
            {"__metadata__":{"lora_adapter_metadata":"%s"},\
            "model.blocks.0.q.lora_A.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
            "model.blocks.0.q.lora_B.weight":{"dtype":"BF16","shape":[2,2],"data_offsets":[24,32]},\
            "model.blocks.0.k.diff":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[32,38]}}\
            """
                .formatted(settings.replace("\"", "\\\"")),
            38);
    byte[] config =
        "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"rank_pattern\": {\"^q$\": 2}}"
            .getBytes(StandardCharsets.UTF_8);
    Map<String, Shape> shapes =
        Map.of("blocks.0.q.weight", Shape.of(2, 3), "blocks.0.k.weight", Shape.of(2, 3));
    Weights network = Weights.ofShapes("network", shapes, DType.F32);
    forSeeds(
        CASES,
        seed -> {
          boolean isConfig = seed % 4 == 0;
          write("adapter_config.json", isConfig ? mutate(config, seed, edits(seed, 4)) : config);
          Path file =
              write("lora.safetensors", isConfig ? lora : mutate(lora, seed, edits(seed, 4)));
          try (Lora read = Lora.read(file)) {
            assertThat(read.match(network)).isNotEmpty();
          } catch (InputException e) {
            assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(900);
          }
        });
  }

  /// Runs a test for the seeds from 0 on, each of which is a case of its own and the same every
  /// time.
  private static void forSeeds(int count, LongConsumer test) {
    for (long seed = 0; seed < count; seed++) {
      long own = seed;
      assertThatCode(() -> test.accept(own)).as("seed %d", own).doesNotThrowAnyException();
    }
  }

  private static int edits(long seed, int most) {
    return 1 + new Random(~seed).nextInt(most);
  }

  private static Path write(String name, byte[] bytes) {
    try {
      return Files.write(folder.resolve(name), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void readsOrRefuses(byte[] bytes, String ending) {
    Duration before = ProcessorTime.used();
    Path path = write("damaged" + ending, bytes);
    try (TensorFile file = TensorFile.open(path)) {
      for (Map.Entry<String, TensorSource> tensor : file.tensors().entrySet()) {
        TensorSource source = tensor.getValue();
        assertThat(source.dtype()).isIn((Object[]) DType.values());
        source.read(0, MemorySegment.ofArray(new byte[(int) Math.min(source.bytes(), 10_000)]));
      }
    } catch (InputException e) {
      assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(700).contains("damaged");
    }
    assertThat(ProcessorTime.used().minus(before)).isLessThan(LONGEST);
  }

  private static byte[] mutate(byte[] original, long seed, int edits) {
    Random random = new Random(seed);
    byte[] bytes = original.clone();
    for (int i = 0; i < edits && bytes.length > 1; i++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 ->
            bytes[at] =
                "0123456789-{}[],:\"eE".getBytes(StandardCharsets.US_ASCII)[random.nextInt(20)];
        case 3 -> bytes = Arrays.copyOf(bytes, at);
        case 4 -> {
          // a piece of the file a second time, over another
          int length = random.nextInt(Math.min(64, bytes.length - at));
          System.arraycopy(bytes, random.nextInt(bytes.length - length), bytes, at, length);
        }
        default -> {
          byte[] longer = new byte[bytes.length + 1];
          System.arraycopy(bytes, 0, longer, 0, at);
          longer[at] = (byte) random.nextInt(256);
          System.arraycopy(bytes, at, longer, at + 1, bytes.length - at);
          bytes = longer;
        }
      }
    }
    return bytes;
  }
}
