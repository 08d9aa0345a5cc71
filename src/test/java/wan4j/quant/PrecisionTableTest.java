package wan4j.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.InputException;

class PrecisionTableTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "blocks.0.self_attn.q",
        "blocks.39.self_attn.o",
        "blocks.7.cross_attn.k",
        "blocks.7.cross_attn.k_img",
        "blocks.12.ffn.0",
        "blocks.12.ffn.2",
        "audio_injector.injector.3.q"
      })
  void layersOfEveryTokenTakeTheRecipe(String layer) {
    PrecisionTable table = PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of());
    assertThat(table.precision(layer)).isEqualTo(Precision.FLOAT8_TOKEN);
  }

  @Test
  void layersThatSteerKeepFloat32WhateverTheRecipe() {
    for (Precision recipe : List.of(Precision.PLAIN, Precision.FLOAT8_CURRENT)) {
      PrecisionTable table = PrecisionTable.of(recipe, List.of());
      for (String layer :
          List.of("time_embedding.0", "time_embedding.2", "time_projection.1", "head.head")) {
        assertThat(table.precision(layer)).isEqualTo(Precision.FLOAT32);
        assertThat(table.reason(layer)).isNotBlank();
      }
    }
  }

  @Test
  void embeddingsStayPlain() {
    PrecisionTable table = PrecisionTable.of(Precision.FLOAT8_BLOCK, List.of());
    for (String layer :
        List.of(
            "patch_embedding",
            "text_embedding.0",
            "img_emb.proj.1",
            "face_adapter.fuser_blocks.3.linear1_kv")) {
      assertThat(table.precision(layer)).isEqualTo(Precision.PLAIN);
    }
  }

  @Test
  void skippedNamesStayPlain() {
    PrecisionTable table =
        PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of("blocks.0", "blocks.*.ffn.2"));
    assertThat(table.precision("blocks.0.self_attn.q")).isEqualTo(Precision.PLAIN);
    assertThat(table.precision("blocks.5.ffn.2")).isEqualTo(Precision.PLAIN);
    assertThat(table.reason("blocks.5.ffn.2")).contains("--fp8_skip");
    assertThat(table.precision("blocks.5.ffn.0")).isEqualTo(Precision.FLOAT8_TOKEN);
    assertThat(table.precision("blocks.10.self_attn.q")).isEqualTo(Precision.FLOAT8_TOKEN);
    table.checkSkipped(List.of("blocks.0.self_attn.q", "blocks.3.ffn.2", "blocks.3.ffn.0"));
    assertThatThrownBy(() -> table.checkSkipped(List.of("blocks.0.self_attn.q", "blocks.1.ffn.0")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blocks.*.ffn.2");
    assertThatThrownBy(() -> table.checkSkipped(List.of("blocks.0.ffn.0", "blocks.3.ffn.2")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leaves no layer in FP8");
  }

  @Test
  void aSkippedNameOfLayersThatStayAnywayIsRefused() {
    List<String> layers =
        List.of("head.head", "text_embedding.0", "blocks.0.ffn.0", "blocks.0.ffn.2");
    for (String name : List.of("head", "text_embedding", "text_embedding.0", "*.head")) {
      PrecisionTable table = PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of(name));
      assertThatThrownBy(() -> table.checkSkipped(layers))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(name)
          .hasMessageContaining("anyway")
          .hasMessageContaining("leave it out");
    }
    Set<String> stored = Set.of("blocks.0.ffn.0", "blocks.1.ffn.0");
    List<String> more = List.of("blocks.0.ffn.0", "blocks.0.ffn.2", "blocks.1.ffn.0");
    PrecisionTable.ofStored(Precision.FLOAT8_TOKEN, stored, List.of("blocks.0")).checkSkipped(more);
    PrecisionTable other =
        PrecisionTable.ofStored(Precision.FLOAT8_TOKEN, stored, List.of("blocks.0.ffn.2"));
    assertThatThrownBy(() -> other.checkSkipped(more))
        .hasMessageContaining("stores it in more bits");
  }

  @Test
  void layersThatAreStoredInFloat8CanBeSkipped() {
    PrecisionTable table =
        PrecisionTable.ofStored(
            Precision.FLOAT8_TOKEN,
            Set.of("blocks.0.ffn.0", "blocks.1.ffn.0"),
            List.of("blocks.0"));
    assertThat(table.precision("blocks.0.ffn.0")).isEqualTo(Precision.PLAIN);
    assertThat(table.reason("blocks.0.ffn.0")).contains("--fp8_skip");
    assertThat(table.precision("blocks.1.ffn.0")).isEqualTo(Precision.FLOAT8_TOKEN);
    assertThat(table.precision("blocks.1.ffn.2")).isEqualTo(Precision.PLAIN);
  }

  @Test
  void layersThatRunAsOneTakeTheRecipeTogetherOrNotAtAll() {
    PrecisionTable table =
        PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of("blocks.*.self_attn.k"));
    assertThat(table.precision(List.of("blocks.3.self_attn.q", "blocks.3.self_attn.k")))
        .isEqualTo(Precision.PLAIN);
    assertThat(table.precision(List.of("blocks.3.cross_attn.q", "blocks.3.cross_attn.k")))
        .isEqualTo(Precision.FLOAT8_TOKEN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "blocks..1", "[", "blocks 1", "."})
  void whatCanBeNoNameIsRefused(String pattern) {
    assertThatThrownBy(() -> PrecisionTable.of(Precision.FLOAT8_TOKEN, List.of(pattern)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--fp8_skip");
  }
}
