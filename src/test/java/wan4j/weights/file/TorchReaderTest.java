package wan4j.weights.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.ProcessorTime;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.SafetensorsTest;
import wan4j.weights.StoredZip;

public final class TorchReaderTest {
  private static final Path FILES = Path.of("src/test/resources/pickle");

  @TempDir Path folder;

  @Test
  void everyTypeThatPyTorchWritesIsRead() {
    float[] counting = counting(24);
    try (TensorFile file = TensorFile.open(FILES.resolve("types.pth"));
        TensorFile float8 = TensorFile.open(FILES.resolve("float8.pth"))) {
      Map<String, DType> types =
          Map.of(
              "float32", DType.F32,
              "float64", DType.F64,
              "float16", DType.F16,
              "bfloat16", DType.BF16,
              "int64", DType.I64,
              "int32", DType.I32,
              "int16", DType.I16,
              "int8", DType.I8,
              "uint8", DType.U8);
      types.forEach((name, type) -> {
        TensorSource source = file.tensors().get(name);
        assertThat(source.dtype()).isEqualTo(type);
        assertThat(source.name()).isEqualTo(name);
        assertThat(source.shape()).isEqualTo(Shape.of(4, 6));
        assertThat(values(source)).isEqualTo(counting);
      });
      assertThat(file.tensors().get("bool").dtype()).isEqualTo(DType.BOOL);
      assertThat(values(file.tensors().get("bool"))).startsWith(1, 0, 0, 1, 0, 0, 1);
      assertThat(float8.tensors().get("float8_e4m3fn").dtype()).isEqualTo(DType.F8_E4M3);
      assertThat(values(float8.tensors().get("float8_e4m3fn"))).startsWith(0, 1, 2, 3, 4, 5, 6, 7);
      assertThat(values(float8.tensors().get("float8_e5m2"))).startsWith(0, 1, 2, 3, 4, 5, 6, 7);
    }
  }

  @Test
  void stridedAndSharedStoragesArriveInRowMajorOrder() {
    try (TensorFile file = TensorFile.open(FILES.resolve("strided.pth"))) {
      Map<String, TensorSource> tensors = file.tensors();
      assertThat(tensors).hasSize(11);
      assertThat(values(tensors.get("whole"))).isEqualTo(counting(60));
      assertThat(tensors.get("transposed").shape()).isEqualTo(Shape.of(5, 4, 3));
      assertThat(values(tensors.get("transposed"))).startsWith(0, 20, 40, 5, 25, 45).endsWith(59);
      assertThat(values(tensors.get("permuted"))).startsWith(0, 20, 40, 1, 21, 41).endsWith(59);
      assertThat(values(tensors.get("slice"))).containsExactly(27, 28, 32, 33, 47, 48, 52, 53);
      assertThat(values(tensors.get("step"))).containsExactly(1, 8, 15, 22, 29, 36, 43, 50, 57);
      assertThat(values(tensors.get("column"))).startsWith(3, 8, 13, 18, 23);
      assertThat(values(tensors.get("expanded"))).containsExactly(5, 5, 5, 5, 5, 5);
      assertThat(values(tensors.get("scalar"))).containsExactly(2.5f);
      assertThat(tensors.get("empty").bytes()).isZero();
      assertThat(values(tensors.get("parameter"))).startsWith(0, 5, 10, 15, 1);
      assertThat(values(tensors.get("channels_last"))).isEqualTo(counting(48));
      assertThat(SafetensorsTest.bytes(tensors.get("transposed"), 4, 4))
          .isEqualTo(new byte[] {0, 0, (byte) 0xA0, 0x41});
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void everyProtocolIsReadAndAStateDictInsideATrainingStateIsFound(int protocol) {
    try (TensorFile file = TensorFile.open(FILES.resolve("protocol" + protocol + ".pth"))) {
      assertThat(file.tensors().keySet()).containsExactly("a.weight", "a.bias");
      assertThat(values(file.tensors().get("a.weight"))).isEqualTo(counting(6));
    }
  }

  @Test
  void theOldFormatIsRefused() {
    refuses(FILES.resolve("legacy.pth")).hasMessageContaining("old format");
  }

  @Test
  void nothingIsEverExecuted() throws IOException {
    Path witness = folder.resolve("witness");
    for (String call :
        new String[] {"posix\nsystem", "os\nsystem", "builtins\neval", "torch\nload"}) {
      String argument = "touch " + witness;
      refuses(
              torch(
                  "\u0080\u0002c"
                      + call
                      + "\nX"
                      + (char) argument.length()
                      + "\0\0\0"
                      + argument
                      + "\u0085R."))
          .hasMessageContaining("nothing was executed")
          .hasMessageContaining(call.substring(call.indexOf('\n') + 1));
    }
    refuses(torch("\u0080\u0004\u008c\u0005posix\u008c\u0006system\u0093."))
        .hasMessageContaining("posix.system");
    refuses(torch("\u0080\u0002(X\u0002\0\0\0idiposix\nsystem\n.")).hasMessageContaining("0x");
    assertThat(Files.exists(witness)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "\u0080\u0002.",
        "\u0080\u0002}.",
        "\u0080\u0001}.",
        "\u0080\u0002N.",
        "\u0080\u0002\u0082\u0001.",
        "\u0080\u0002(0.",
        "\u0080\u0002u.",
        "\u0080\u0002h\u0005.",
        "\u0080\u0002X\u00ff\u00ff\u00ff\u00ffa.",
        "\u0080\u0004\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007fa.",
        "\u0080\u0002]N}b.",
        "\u0080\u0002)K\u0001a.",
        "\u0080\u0002}(K\u0001u.",
        "\u0080\u0002}])s.",
        "\u0080\u0002K\u0001)R.",
        "\u0080\u0002K\u0001Q.",
        "\u0080\u0002)Q.",
        "\u0080\u0002ctorch._utils\n_rebuild_tensor_v2\n)R.",
        "\u0080\u0002ccollections\nOrderedDict\n]K\u0001a\u0085R.",
      })
  void aDamagedPickleIsRefused(String pickle) {
    refuses(torch(pickle));
  }

  @Test
  void deepNestingIsRefused() {
    refuses(torch("\u0080\u0002" + "(".repeat(500_000))).hasMessageContaining("too deeply");
    refuses(torch("\u0080\u0002" + "]".repeat(1_100_000))).hasMessageContaining("too deeply");
    refuses(torch("\u0080\u0002)" + "\u0085".repeat(3_000_000) + "."));
  }

  @Test
  void tensorsThatDoNotFitTheirStorageAreRefused() {
    try (TensorFile file =
        TensorFile.open(tensor("0", 2, "K\0", "K\u0001K\u0002\u0086", "K\u0002K\u0001\u0086"))) {
      assertThat(file.tensors().get("t").shape()).isEqualTo(Shape.of(1, 2));
    }
    refuses(tensor("1", 2, "K\0", "K\u0002\u0085", "K\u0001\u0085")).hasMessageContaining("lacks");
    refuses(tensor("0", 3, "K\0", "K\u0002\u0085", "K\u0001\u0085"))
        .hasMessageContaining("8 bytes");
    refuses(tensor("0", 2, "K\u0001", "K\u0002\u0085", "K\u0001\u0085"))
        .hasMessageContaining("beyond");
    refuses(tensor("0", 2, "K\0", "K\u0002\u0085", "K\u0002\u0085")).hasMessageContaining("beyond");
    refuses(tensor("0", 2, "K\0", "J\u00ff\u00ff\u00ff\u007f\u0085", "K\0\u0085"))
        .hasMessageContaining("expands");
    refuses(tensor("0", 2, "K\0", "J\u00ff\u00ff\u00ff\u00ff\u0085", "K\u0001\u0085"));
    String huge = "J\u00ff\u00ff\u00ff\u007f";
    refuses(tensor("0", 2, "K\0", huge + huge + huge + "\u0087", "K\0K\0K\0\u0087"));
    refuses(tensor("0", 2, "K\0", "K\u0002\u0085", "K\u0001K\u0001\u0086"));
  }

  @Test
  void theNegativeBitIsAppliedAndAParameterOrBufferIsItsTensor() {
    String buffer =
        "ctorch._tensor\n_rebuild_from_type_v2\n("
            + REBUILD
            + "ctorch\nTensor\n"
            + arguments("\u0089N")
            + "}tR";
    String parameter =
        "ctorch._utils\n_rebuild_parameter\n" + REBUILD + arguments("\u0089N") + "R\u0089N\u0087R";
    String negative = REBUILD + arguments("\u0089N}" + key("neg") + "\u0088s") + "R";
    String pickle =
        "\u0080\u0002}(" + key("n") + negative + key("b") + buffer + key("p") + parameter + "u.";
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("x/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1));
    entries.put("x/data/0", new byte[] {0, 0, (byte) 0x80, 0x3F, 0, 0, 0, 0x40}); // 1 and 2
    Path path = StoredZip.write(folder.resolve("bits.pth"), ZipEntry.STORED, entries);
    try (TensorFile file = TensorFile.open(path)) {
      assertThat(values(file.tensors().get("n"))).containsExactly(-1, -2);
      assertThat(values(file.tensors().get("b"))).containsExactly(1, 2);
      assertThat(values(file.tensors().get("p"))).containsExactly(1, 2);
      byte[] last = SafetensorsTest.bytes(file.tensors().get("n"), 5, 3);
      assertThat(last).isEqualTo(new byte[] {0, 0, (byte) 0xC0});
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"state_dict", "model_state_dict", "model", "ema", "module"})
  void theNetworkIsFoundUnderItsWrapperAlsoBesideOtherTensors(String wrapper) {
    String tensor = REBUILD + arguments("\u0089N") + "R";
    // and a tuple as a key, whose entry no one asks for
    String pickle =
        "\u0080\u0002}("
            + key("rng")
            + tensor
            + key(wrapper)
            + "}"
            + key("w")
            + tensor
            + "s"
            + key("a")
            + key("b")
            + "\u0086K\u0001u.";
    try (TensorFile file = TensorFile.open(torch(pickle))) {
      assertThat(file.tensors()).containsOnlyKeys("w");
    }
  }

  @Test
  void aTensorOfATypeThatNoNetworkNeedsDoesNotRefuseTheFile() {
    String other =
        "ctorch._utils\n_rebuild_tensor_v3\n"
            + arguments("\u0089Nctorch\nuint16\n")
                .replace("ctorch\nFloatStorage", "ctorch.storage\nUntypedStorage")
            + "R";
    String pickle =
        "\u0080\u0002}("
            + key("a")
            + REBUILD
            + arguments("\u0089N")
            + "R"
            + key("c")
            + other
            + "u.";
    try (TensorFile file = TensorFile.open(torch(pickle))) {
      assertThat(file.tensors()).containsOnlyKeys("a");
      assertThat(file.unread()).containsExactly(Map.entry("c", "uint16"));
    }
  }

  /// As `reports/files/01-pickle-ordereddict` has it.
  @Test
  void theWorkOfAPickleIsBounded() {
    Duration before = ProcessorTime.used();
    String pairs = "](" + "h\u0001".repeat(20_000) + "e";
    String pickle =
        "\u0080\u0002ccollections\nOrderedDict\nq\0"
            + key("a")
            + "N\u0086q\u0001"
            + pairs
            + "\u0085q\u0002"
            + "h\0h\u0002R0".repeat(20_000)
            + "}.";
    refuses(torch(pickle)).hasMessageContaining("2,000,000 entries");
    assertThat(ProcessorTime.used().minus(before)).isLessThan(Duration.ofSeconds(1));
  }

  private static final String REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";

  private static String key(String text) {
    return "X" + (char) text.length() + "\0\0\0" + text;
  }

  /// The arguments of a tensor of two elements over storage `0`.
  private static String arguments(String rest) {
    return "(("
        + key("storage")
        + "ctorch\nFloatStorage\n"
        + key("0")
        + key("cpu")
        + "K\u0002tQK\0K\u0002\u0085K\u0001\u0085"
        + rest
        + "t";
  }

  @Test
  void compressedEntriesAreRefusedWhateverTheyPromise() {
    Map<String, byte[]> bomb = Map.of("x/data.pkl", new byte[20_000_000]);
    refuses(StoredZip.write(folder.resolve("bomb.pth"), ZipEntry.DEFLATED, bomb))
        .hasMessageContaining("compressed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../evil", "x/../../evil", "/etc/passwd", "C:evil", "x\\..\\evil", ".."})
  void namesThatLeadOutOfTheArchiveAreRefused(String name) {
    refuses(StoredZip.write(folder.resolve("evil.pth"), ZipEntry.STORED, Map.of(name, new byte[1])))
        .hasMessageContaining("source you trust");
  }

  @Test
  void aZip64FileIsRead() throws IOException {
    Path file =
        StoredZip.write64(
            folder.resolve("large.pth"),
            tensorPickle("0", 2, "K\0", "K\u0002\u0085", "K\u0001\u0085"));
    try (TensorFile read = TensorFile.open(file)) {
      assertThat(values(read.tensors().get("t"))).containsExactly(1, 2);
    }
    byte[] bytes = Files.readAllBytes(file);
    for (int i = bytes.length - 250; i < bytes.length; i++) {
      byte[] changed = bytes.clone();
      changed[i] ^= (byte) 0x80;
      Path damaged = Files.write(folder.resolve("damaged.pth"), changed);
      try (TensorFile read = TensorFile.open(damaged)) {
        assertThat(read.tensors()).containsOnlyKeys("t");
      } catch (InputException e) {
        assertThat(e).hasMessageContaining("damaged.pth");
      }
    }
  }

  @Test
  void aZipWithoutOrWithTwoPicklesIsRefused() {
    refuses(
        StoredZip.write(folder.resolve("none.pth"), ZipEntry.STORED, Map.of("x/a", new byte[1])));
    Map<String, byte[]> two = new LinkedHashMap<>();
    two.put("x/data.pkl", new byte[1]);
    two.put("y/data.pkl", new byte[1]);
    refuses(StoredZip.write(folder.resolve("two.pth"), ZipEntry.STORED, two))
        .hasMessageContaining("2 entries");
  }

  @Test
  void aFileFromABigEndianMachineIsRefused() {
    Map<String, byte[]> entries =
        Map.of("x/data.pkl", new byte[1], "x/byteorder", "big".getBytes(StandardCharsets.US_ASCII));
    refuses(StoredZip.write(folder.resolve("big.pth"), ZipEntry.STORED, entries))
        .hasMessageContaining("big-endian");
  }

  @Test
  void aCutFileIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(FILES.resolve("protocol2.pth"));
    for (int length = 0; length < whole.length; length += 7) {
      refuses(Files.write(folder.resolve("cut.pth"), java.util.Arrays.copyOf(whole, length)));
    }
  }

  @Test
  void whatIsNoFileOfWeightsIsNamed() throws IOException {
    Map<String, String> files =
        Map.of(
            "version https://git-lfs.github.com/spec/v1\n", "git lfs pull",
            "../t2v/Wan2.1_VAE.pth", "copy the file itself",
            "<!DOCTYPE html>", "web page",
            "GGUF0000000000", "GGUF");
    for (Map.Entry<String, String> file : files.entrySet()) {
      refuses(Files.writeString(folder.resolve("other.pth"), file.getKey()))
          .hasMessageContaining(file.getValue());
    }
  }

  /// Writes a table of one float32 tensor `t` over a storage of eight bytes, from raw pickle
  /// pieces.
  private Path tensor(String key, int count, String offset, String sizes, String strides) {
    return torch(tensorPickle(key, count, offset, sizes, strides));
  }

  private static String tensorPickle(
      String key, int count, String offset, String sizes, String strides) {
    return "\u0080\u0002}X\u0001\0\0\0tctorch._utils\n"
        + "_rebuild_tensor_v2\n"
        + "((X\u0007\0\0\0storagectorch\n"
        + "FloatStorage\n"
        + "X\u0001\0\0\0"
        + key
        + "X\u0003\0\0\0cpuK"
        + (char) count
        + "tQ"
        + offset
        + sizes
        + strides
        + "\u0089ccollections\nOrderedDict\n)RtRs.";
  }

  private Path torch(String pickle) {
    return StoredZip.torch(folder.resolve("made.pth"), pickle);
  }

  private static AbstractThrowableAssert<?, ? extends Throwable> refuses(Path file) {
    var refusal =
        assertThatThrownBy(() -> TensorFile.open(file))
            .isInstanceOf(InputException.class)
            .hasMessageContaining(file.toString());
    refusal.message().hasSizeLessThan(500).doesNotContain("\n");
    return refusal;
  }

  private static float[] counting(int count) {
    float[] values = new float[count];
    IntStream.range(0, count).forEach(i -> values[i] = i);
    return values;
  }

  public static float[] values(TensorSource source) {
    byte[] bytes = SafetensorsTest.bytes(source, 0, Math.toIntExact(source.bytes()));
    HostStorage storage = new HostStorage(MemorySegment.ofArray(bytes));
    return new Tensor(source.shape(), source.dtype(), storage).toFloats();
  }
}
