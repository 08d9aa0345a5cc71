package wan4j.weights.lora;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Weights;
import wan4j.weights.file.SafetensorsWriter;

/// LoRA files of random numbers for any transformer.
public final class RandomLora {
  private RandomLora() {}

  /// Writes a file that changes every linear layer of the blocks by a product of some rank, and
  /// some biases and norms by differences; returns the file.
  public static Path write(Path file, Weights network, int rank, long seed) {
    Random random = new Random(seed);
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (String name : network.names()) {
      String module = "diffusion_model." + name.substring(0, name.lastIndexOf('.') + 1);
      Shape shape = network.shape(name);
      if (!name.startsWith("blocks.")) {
        continue;
      }
      if (name.endsWith(".weight") && shape.rank() == 2) {
        long outputs = shape.size(0);
        long inputs = shape.size(1);
        put(
            tensors,
            module + "lora_A.weight",
            values(random, 1 / Math.sqrt((double) inputs), rank, inputs));
        put(tensors, module + "lora_B.weight", values(random, 0.3, outputs, rank));
      } else if (name.endsWith("q.bias")) {
        put(tensors, module + "diff_b", values(random, 0.1, shape.toArray()));
      } else if (name.endsWith("norm3.weight")) {
        put(tensors, module + "diff", values(random, 0.1, shape.toArray()));
      } else if (name.endsWith("modulation")) {
        put(tensors, module + "diff_m", values(random, 0.01, shape.toArray()));
      }
    }
    SafetensorsWriter.write(file, tensors, Map.of());
    return file;
  }

  private static void put(Map<String, TensorSource> tensors, String name, Tensor values) {
    tensors.put(name, TensorSource.of(name, values));
  }

  private static Tensor values(Random random, double deviation, long... sizes) {
    float[] values = new float[Math.toIntExact(Shape.of(sizes).count())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * deviation);
    }
    return Tensor.of(values, sizes);
  }
}
