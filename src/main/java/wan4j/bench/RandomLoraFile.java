package wan4j.bench;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import wan4j.bench.random.RoundedSource;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// A LoRA file of random bfloat16 numbers for every linear layer of a transformer's blocks.
final class RandomLoraFile {
  private RandomLoraFile() {}

  /// Writes one of a rank for a network's weights.
  static void write(Path file, Weights network, int rank) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (String name : network.names()) {
      Shape shape = network.shape(name);
      if (name.startsWith("blocks.") && name.endsWith(".weight") && shape.rank() == 2) {
        String module = name.substring(0, name.length() - "weight".length());
        float spread = (float) (1 / Math.sqrt((double) shape.size(1)));
        add(tensors, module + "lora_A.weight", Shape.of(rank, shape.size(1)), spread);
        add(tensors, module + "lora_B.weight", Shape.of(shape.size(0), rank), 0.01f);
      }
    }
    SafetensorsWriter.write(file, tensors, Map.of());
  }

  private static void add(
      Map<String, TensorSource> tensors, String name, Shape shape, float deviation) {
    long seed = (7L << 56) | ((long) tensors.size() << 40);
    tensors.put(name, new RoundedSource(new RandomSource(name, shape, seed, 0, deviation)));
  }
}
