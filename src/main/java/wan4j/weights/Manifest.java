package wan4j.weights;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A list of a network's tensors without their elements: `{"tensors": [[name, shape, dtype], …]}`.
final class Manifest {
  private Manifest() {}

  static Weights read(Path path) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (JsonNode line : Json.read(path).path("tensors")) {
      String name = line.path(0).asString("");
      JsonNode shape = line.path(1);
      long[] sizes = new long[shape.size()];
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = shape.get(i).asLong(-1);
        if (sizes[i] < 0) {
          throw new InputException(
              "%s gives %s no usable shape; expected [name, shape, dtype] a line"
                  .formatted(path, Quoted.of(name)));
        }
      }
      DType dtype =
          switch (line.path(2).asString("")) {
            case "float32" -> DType.F32;
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            case "int64" -> DType.I64;
            default ->
                throw new InputException(
                    "%s gives %s no known dtype; expected float32, bfloat16, float16 or int64"
                        .formatted(path, Quoted.of(name)));
          };
      tensors.put(name, new ShapeOnlySource(name, Shape.of(sizes), dtype));
    }
    return Weights.of(path.toString(), tensors);
  }
}
