package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.SafetensorsWriter;

final class WeightsTest {
  @TempDir Path folder;

  private final Weights weights =
      Weights.ofShapes(
          "small",
          Map.of(
              "blocks.0.q.weight", Shape.of(4, 2),
              "blocks.0.q.bias", Shape.of(4),
              "blocks.11.q.weight", Shape.of(4, 2),
              "blocksmith", Shape.of(1)),
          DType.BF16);

  @Test
  void aScopedPathAddressesTheNamesOfTheCheckpoint() {
    Weights block = weights.at("blocks").at(0);
    assertThat(block.names()).containsExactlyInAnyOrder("q.weight", "q.bias");
    assertThat(block.at("q").has("bias")).isTrue();
    assertThat(block.at("q").tensor("weight", 4, 2).dtype()).isEqualTo(DType.BF16);
    assertThat(weights.at("blocks").parts()).isEqualTo(12);
    assertThat(weights.at("blocks").at(0).toString()).isEqualTo("small blocks.0");
  }

  @Test
  void aMissingTensorAndAWrongShapeAreNamed() {
    assertThatThrownBy(() -> weights.at("blocks").at(1).tensor("q.weight", 4, 2))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks.1.q.weight");
    assertThatThrownBy(() -> weights.at("blocks").at(0).tensor("q.weight", 2, 4))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks.0.q.weight")
        .hasMessageContaining("[4, 2]")
        .hasMessageContaining("[2, 4]");
  }

  @Test
  void whatNobodyTookIsKnown() {
    var unused = weights.at("blocks").at(0).tensor("q.weight");
    assertThat(unused.name()).isEqualTo("blocks.0.q.weight");
    assertThat(weights.unused())
        .containsExactly("blocks.0.q.bias", "blocks.11.q.weight", "blocksmith");
    assertThat(weights.at("blocks").unused()).hasSize(2);
    assertThatThrownBy(weights::requireAllUsed)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks.0.q.bias");
  }

  @Test
  void shapesAloneCannotBeRead() {
    TensorSource source = weights.tensor("blocksmith", 1);
    assertThatThrownBy(() -> source.read(0, MemorySegment.ofArray(new byte[2])))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void shardsAreReadThroughTheirIndex() throws IOException {
    shards("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}");
    try (Weights read = Weights.open(folder)) {
      float[] value = new float[1];
      read.tensor("b", 1).read(0, MemorySegment.ofArray(value));
      assertThat(value[0]).isEqualTo(2f);
      assertThat(read.names()).containsExactly("a", "b");
    }
  }

  @Test
  void shardsThatDoNotFitTheirIndexAreRefused() throws IOException {
    for (String map :
        List.of(
            "{\"a\":\"1.safetensors\",\"b\":\"1.safetensors\"}",
            "{\"a\":\"1.safetensors\",\"b\":\"3.safetensors\"}",
            "{\"a\":\"1.safetensors\",\"b\":\"../2.safetensors\"}",
            "{\"a\":\"1.safetensors\",\"b\":\"\"}",
            "{\"a\":\"1.safetensors\",\"b\":5}",
            "{\"a\":\"1.safetensors\",\"b\":\"..\"}",
            "{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}",
            "{\"a\":\"1.safetensors\",\"c\":\"2.safetensors\"}",
            "{}",
            "[]",
            "{\"a\":")) {
      shards(map);
      assertThatThrownBy(() -> Weights.open(folder)).isInstanceOf(InputException.class);
    }
  }

  @Test
  void aShardThatIsCutIsRefused() throws IOException {
    shards("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}");
    byte[] bytes = Files.readAllBytes(folder.resolve("2.safetensors"));
    Files.write(folder.resolve("2.safetensors"), java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertThatThrownBy(() -> Weights.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("2.safetensors");
  }

  @Test
  void aFolderWithoutWeightsOrWithAChoiceIsRefused() throws IOException {
    assertThatThrownBy(() -> Weights.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no weights");
    shard("x-00001-of-00002.safetensors", "a", 1);
    shard("x-00002-of-00002.safetensors", "b", 2);
    assertThatThrownBy(() -> Weights.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no index");
    assertThatThrownBy(() -> Weights.open(folder.resolve("none.safetensors")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
  }

  private void shards(String map) throws IOException {
    shard("1.safetensors", "a", 1);
    shard("2.safetensors", "b", 2);
    Files.writeString(
        folder.resolve("model.safetensors.index.json"), "{\"weight_map\":" + map + "}");
  }

  private void shard(String file, String name, float value) {
    TensorSource source = TensorSource.of(name, Tensor.of(new float[] {value}, 1));
    SafetensorsWriter.write(folder.resolve(file), Map.of(name, source), Map.of());
  }
}
