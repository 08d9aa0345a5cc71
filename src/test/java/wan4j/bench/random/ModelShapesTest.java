package wan4j.bench.random;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import wan4j.Task;
import wan4j.tensor.Shape;
import wan4j.weights.Weights;

class ModelShapesTest {
  private static final Path MANIFESTS = Path.of("src/test/resources/golden");

  @Test
  void theTransformersAreThoseOfTheManifests() {
    for (Task task : Task.values()) {
      Map<String, Shape> shapes =
          ModelShapes.transformer(RandomWeights.config(task, RandomWeights.layers(task)));
      boolean isLater = task == Task.S2V_14B || task == Task.ANIMATE_14B;
      String folder = isLater ? "manifests-s2v-animate" : "manifests";
      assertThat(shapes)
          .containsExactlyInAnyOrderEntriesOf(manifest(folder, "dit-" + task.spelling()));
    }
  }

  @Test
  void theTextEncoderIsThatOfTheManifest() {
    assertThat(ModelShapes.umT5(UmT5Sizes.LAYERS))
        .containsExactlyInAnyOrderEntriesOf(manifest("manifests", "umt5-xxl-encoder"));
  }

  @Test
  void theAutoencodersAreThoseOfTheManifests() {
    assertThat(ModelShapes.vae21(96))
        .containsExactlyInAnyOrderEntriesOf(manifest("manifests", "vae-wan2.1"));
    assertThat(ModelShapes.vae22(160, 256))
        .containsExactlyInAnyOrderEntriesOf(manifest("manifests", "vae-wan2.2"));
  }

  @Test
  void theImageNetworkIsThatOfTheManifestButForItsLastSteps() {
    Map<String, Shape> all = manifest("manifests-s2v-animate", "clip-vit-h-14");
    all.keySet()
        .removeIf(name ->
            !name.startsWith("visual.")
                || name.startsWith("visual.post_norm.")
                || name.equals("visual.head"));
    assertThat(ModelShapes.vision(32)).containsExactlyInAnyOrderEntriesOf(all);
  }

  private static Map<String, Shape> manifest(String folder, String name) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    try (Weights weights = Weights.ofShapes(MANIFESTS.resolve(folder).resolve(name + ".json"))) {
      weights.names().forEach(tensor -> shapes.put(tensor, weights.shape(tensor)));
    }
    return shapes;
  }
}
