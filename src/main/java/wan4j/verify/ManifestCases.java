package wan4j.verify;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import wan4j.model.UmT5Encoder;
import wan4j.ops.Ops;
import wan4j.ops.plan.NullOps;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.ConfigFile;
import wan4j.weights.Naming;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// The full-size models by the names and shapes of their tensors: each network is built on shapes
/// alone and must take every tensor; both layouts' names must mean the same tensors.
final class ManifestCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    Map<String, Map<String, Shape>> models = new TreeMap<>();
    for (Path file : manifests(reference.folder())) {
      String name = file.getFileName().toString().replace(".json", "");
      JsonNode json = ReferenceCase.json(file);
      if (json.has("keys")) {
        comparisons.add(translation(name, json.get("keys")));
      } else if (json.has("tensors")) {
        Weights weights = blank(network(Weights.ofShapes(file)));
        String model = json.path("model").asString();
        Map<String, Shape> shapes = shapes(weights);
        Map<String, Shape> other = models.putIfAbsent(model, shapes);
        if (other != null) {
          comparisons.add(Comparison.holds(model + " in both layouts", other.equals(shapes)));
        }
        build(ConfigFile.of(file, json.path("config")), weights);
        comparisons.add(Comparison.wrong(name, weights.unused().size(), weights.names().size()));
      }
    }
    return comparisons;
  }

  /// Builds the network; throws `InputException` when a tensor is missing or has another shape.
  private static void build(ConfigFile config, Weights weights) {
    try (Ops ops = new NullOps()) {
      if (weights.has("patch_embedding.weight")) {
        TransformerConfig sizes = TransformerConfig.of(config, weights);
        DitCases.transformer(sizes, weights, ops).close();
      } else if (weights.has("token_embedding.weight")) {
        new UmT5Encoder(weights, ops).close();
      } else {
        VaeCases.autoencoder(weights, ops).close();
      }
    }
  }

  /// Reads zeros for every tensor: the text encoder reads its small table of distances.
  private static Weights blank(Weights shapes) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    shapes.names().forEach(name -> tensors.put(name, new Zeros(shapes.tensor(name))));
    return Weights.of(shapes.title(), tensors);
  }

  private record Zeros(TensorSource shaped) implements TensorSource {
    @Override
    public String name() {
      return shaped.name();
    }

    @Override
    public Shape shape() {
      return shaped.shape();
    }

    @Override
    public DType dtype() {
      return shaped.dtype();
    }

    @Override
    public void read(long offset, MemorySegment target) {
      target.fill((byte) 0);
    }
  }

  /// Gives a network of either layout its original names.
  private static Weights network(Weights weights) {
    if (weights.has("patch_embedding.weight")) {
      return weights.renamed(Naming.TRANSFORMER);
    }
    if (weights.has("token_embedding.weight") || weights.has("shared.weight")) {
      return weights.renamed(Naming.TEXT_ENCODER);
    }
    return weights.renamed(Checkpoint.isVae22(weights) ? Naming.VAE_22 : Naming.VAE_21);
  }

  private static Comparison translation(String name, JsonNode originalToDiffusers) {
    Naming naming =
        originalToDiffusers.has("patch_embedding.weight")
            ? Naming.TRANSFORMER
            : originalToDiffusers.has("encoder.downsamples.0.downsamples.0.residual.0.gamma")
                ? Naming.VAE_22
                : Naming.VAE_21;
    int wrong = 0;
    for (Map.Entry<String, JsonNode> line : originalToDiffusers.properties()) {
      wrong += naming.toOriginal(line.getValue().asString()).equals(line.getKey()) ? 0 : 1;
    }
    return Comparison.wrong(name, wrong, originalToDiffusers.size());
  }

  private static Map<String, Shape> shapes(Weights weights) {
    Map<String, Shape> shapes = new TreeMap<>();
    weights.names().forEach(name -> shapes.put(name, weights.shape(name)));
    return shapes;
  }

  private static List<Path> manifests(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(".json"))
          .filter(file -> !file.getFileName().toString().equals("case.json"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
