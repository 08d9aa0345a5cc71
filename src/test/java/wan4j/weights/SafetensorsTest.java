package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.FileSource;
import wan4j.weights.file.SafetensorsWriter;
import wan4j.weights.file.TensorFile;

public final class SafetensorsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DType.class)
  void aTensorOfEveryTypeIsReadBackAsItWasWritten(DType dtype) {
    byte[] bytes = new byte[6 * dtype.bytes()];
    new java.util.Random(1).nextBytes(bytes);
    Tensor tensor =
        new Tensor(Shape.of(2, 3), dtype, new HostStorage(MemorySegment.ofArray(bytes)));
    Path file = folder.resolve("one.safetensors");
    SafetensorsWriter.write(file, Map.of("a.b", TensorSource.of("x", tensor)), Map.of("k", "v"));
    try (TensorFile read = TensorFile.open(file)) {
      TensorSource source = read.tensors().get("a.b");
      assertThat(source.dtype()).isEqualTo(dtype);
      assertThat(source.shape()).isEqualTo(Shape.of(2, 3));
      assertThat(bytes(source, 0, bytes.length)).isEqualTo(bytes);
      assertThat(bytes(source, 3, 2)).containsExactly(bytes[3], bytes[4]);
      assertThat(read.metadata()).containsExactly(Map.entry("k", "v"));
    }
  }

  @Test
  void elementsArriveInNativeAndHeapMemoryOfAnyKind() {
    float[] values = new float[3_000_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Path file = folder.resolve("big.safetensors");
    SafetensorsWriter.write(
        file, Map.of("t", TensorSource.of("t", Tensor.of(values, values.length))), Map.of());
    try (TensorFile read = TensorFile.open(file);
        Arena arena = Arena.ofConfined()) {
      TensorSource source = read.tensors().get("t");
      float[] heap = new float[values.length];
      source.read(0, MemorySegment.ofArray(heap));
      assertThat(heap).isEqualTo(values);
      MemorySegment outside = arena.allocate(source.bytes());
      source.read(0, outside);
      assertThat(outside.toArray(ValueLayout.JAVA_FLOAT)).isEqualTo(values);
    }
  }

  @Test
  void everyTensorBeginsAtAMultipleOfItsElementSize() {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    tensors.put("bytes", TensorSource.of("b", Tensor.of(new byte[3], 3)));
    tensors.put("floats", TensorSource.of("f", Tensor.of(new float[5], 5)));
    Path file = folder.resolve("mixed.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    try (TensorFile read = TensorFile.open(file)) {
      assertThat(((FileSource) read.tensors().get("floats")).position() % 4).isZero();
    }
  }

  @Test
  void emptyTensorsAndScalarsAreRead() {
    Path file =
        SafetensorsBytes.write(
            folder,
            SafetensorsBytes.of(
                """
                {"none":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},
                 "one":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   \
                """,
                4));
    try (TensorFile read = TensorFile.open(file)) {
      assertThat(read.tensors().get("none").bytes()).isZero();
      assertThat(read.tensors().get("one").shape().rank()).isZero();
    }
  }

  @Test
  void aFileThatShrinksWhileInUseIsAnErrorAndNotACrash() throws IOException {
    Path file = folder.resolve("shrinks.safetensors");
    SafetensorsWriter.write(
        file, Map.of("t", TensorSource.of("t", Tensor.of(new float[100_000], 100_000))), Map.of());
    try (TensorFile read = TensorFile.open(file)) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(1000);
      }
      assertThatThrownBy(() -> bytes(read.tensors().get("t"), 0, 400_000))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("became shorter");
    }
  }

  @Test
  void anInterruptedReaderDoesNotSpoilTheFileForOthers() throws Exception {
    Path file = folder.resolve("shared.safetensors");
    SafetensorsWriter.write(
        file, Map.of("t", TensorSource.of("t", Tensor.of(new float[] {1, 2}, 2))), Map.of());
    try (TensorFile read = TensorFile.open(file)) {
      Throwable[] thrown = new Throwable[1];
      Thread thread =
          new Thread(() -> {
            Thread.currentThread().interrupt();
            try {
              bytes(read.tensors().get("t"), 0, 8);
            } catch (RuntimeException e) {
              thrown[0] = e;
            }
          });
      thread.start();
      thread.join();
      assertThat(thrown[0]).isInstanceOf(java.util.concurrent.CancellationException.class);
      assertThat(bytes(read.tensors().get("t"), 4, 4)).containsExactly(0, 0, 0, 64);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{",
        "{}{}",
        "{\"a\":1}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]}}",
        "{\"__metadata__\":{\"a\":{}},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
      })
  void aWrongHeaderIsRefusedInOneSentence(String header) {
    refuses(SafetensorsBytes.of(header, 8));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 3, 1000, 100_000_001L, Long.MAX_VALUE, -1})
  void aHeaderLengthThatTheFileDoesNotHaveIsRefused(long length) {
    refuses(SafetensorsBytes.withLength(length, "{}".getBytes(StandardCharsets.UTF_8), 4));
  }

  @Test
  void aDeeplyNestedHeaderIsRefused() {
    refuses(SafetensorsBytes.of("{\"a\":" + "[".repeat(2_000_000), 0));
    refuses(SafetensorsBytes.of("{\"a\":{\"shape\":" + "[".repeat(100_000), 0));
  }

  @Test
  void aCutFileIsRefused() {
    byte[] whole =
        SafetensorsBytes.of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    for (int length = 0; length < whole.length; length++) {
      refuses(java.util.Arrays.copyOf(whole, length));
    }
  }

  @Test
  void whatCannotBeWrittenIsSaidAndLeavesNothingBehind() throws IOException {
    Path notAFolder = Files.writeString(folder.resolve("file"), "x");
    TensorSource source = TensorSource.of("t", Tensor.of(new float[1], 1));
    assertThatThrownBy(
            () -> SafetensorsWriter.write(notAFolder.resolve("w"), Map.of("t", source), Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot be written");
    TensorSource broken = new ShapeOnlySource("t", Shape.of(4), DType.F32);
    Path target = folder.resolve("out.safetensors");
    assertThatThrownBy(() -> SafetensorsWriter.write(target, Map.of("t", broken), Map.of()))
        .isInstanceOf(IllegalStateException.class);
    try (var list = Files.list(folder)) {
      assertThat(list).containsExactly(notAFolder);
    }
  }

  private void refuses(byte[] bytes) {
    Path file = SafetensorsBytes.write(folder, bytes);
    assertThatThrownBy(() -> TensorFile.open(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file.toString())
        .message()
        .hasSizeLessThan(500)
        .doesNotContain("\n");
  }

  public static byte[] bytes(TensorSource source, long offset, int length) {
    byte[] bytes = new byte[length];
    source.read(offset, MemorySegment.ofArray(bytes));
    return bytes;
  }
}
