package wan4j.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.files.Json;
import wan4j.tensor.Shape;

/// Compares the name rules with the complete lists of the full-size models.
final class NamingTest {
  private static final Path MANIFESTS = Path.of("src/test/resources/golden/manifests");

  @ParameterizedTest
  @CsvSource({
    "diffusers-transformer-t2v-A14B, dit-t2v-A14B, TRANSFORMER",
    "diffusers-transformer-i2v-A14B, dit-i2v-A14B, TRANSFORMER",
    "diffusers-transformer-ti2v-5B, dit-ti2v-5B, TRANSFORMER",
    "diffusers-vae-wan2.1, vae-wan2.1, VAE_21",
    "diffusers-vae-wan2.2, vae-wan2.2, VAE_22",
    "diffusers-text_encoder-umt5-xxl, umt5-xxl-encoder, TEXT_ENCODER",
  })
  void everyNameAndShapeOfTheDiffusersLayoutBecomesTheOriginal(
      String diffusers, String original, Naming naming) {
    Map<String, Shape> got = shapes(diffusers, naming);
    assertThat(got).isEqualTo(shapes(original, naming));
    assertThat(got.size()).isGreaterThan(190);
  }

  @ParameterizedTest
  @CsvSource({
    "map-dit-original-to-diffusers, TRANSFORMER",
    "map-vae-wan2.1-original-to-diffusers, VAE_21",
    "map-vae-wan2.2-original-to-diffusers, VAE_22",
  })
  void everyLineOfTheMapsIsFollowed(String map, Naming naming) {
    Map<String, String> expected = new HashMap<>();
    Map<String, String> got = new HashMap<>();
    Json.read(MANIFESTS.resolve(map + ".json"))
        .path("keys")
        .properties()
        .forEach(line -> {
          expected.put(line.getValue().asString(), line.getKey());
          got.put(line.getValue().asString(), naming.toOriginal(line.getValue().asString()));
        });
    assertThat(got).isEqualTo(expected).hasSizeGreaterThan(40);
  }

  @ParameterizedTest
  @CsvSource({"model.diffusion_model.", "diffusion_model.", "module."})
  void whatACollectionPutsBeforeEveryNameIsDropped(String wrapper) {
    Map<String, Shape> shapes =
        Map.of(
            wrapper + "blocks.0.attn1.to_q.weight",
            Shape.of(2, 2),
            wrapper + "proj_out.bias",
            Shape.of(4));
    Weights weights =
        Weights.ofShapes("wrapped", shapes, wan4j.tensor.DType.F32).renamed(Naming.TRANSFORMER);
    assertThat(weights.names())
        .containsExactlyInAnyOrder("blocks.0.self_attn.q.weight", "head.head.bias");
  }

  @Test
  void originalNamesStayAsTheyAre() {
    Stream.of("dit-t2v-A14B, TRANSFORMER", "vae-wan2.1, VAE_21", "umt5-xxl-encoder, TEXT_ENCODER")
        .map(line -> line.split(", "))
        .forEach(pair -> {
          Weights weights = Weights.ofShapes(MANIFESTS.resolve(pair[0] + ".json"));
          assertThat(weights.renamed(Naming.valueOf(pair[1])).names()).isEqualTo(weights.names());
        });
  }

  private static Map<String, Shape> shapes(String manifest, Naming naming) {
    Weights weights = Weights.ofShapes(MANIFESTS.resolve(manifest + ".json")).renamed(naming);
    Map<String, Shape> shapes = new HashMap<>();
    weights.names().forEach(name -> shapes.put(name, weights.shape(name)));
    return shapes;
  }
}
