package wan4j.onnx;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// A network out of an ONNX file, whose inputs and outputs are float32.
public final class OnnxNetwork implements AutoCloseable {
  private final Path file;
  private final Reflected session;
  private final OnnxRuntime runtime;
  private final Map<String, long[]> inputs;
  private final Map<String, long[]> outputs;

  OnnxNetwork(Path file, Reflected session, OnnxRuntime runtime) {
    this.file = file;
    this.session = session;
    this.runtime = runtime;
    inputs = OnnxRuntime.ports(session, "getInputInfo");
    outputs = OnnxRuntime.ports(session, "getOutputInfo");
  }

  /// Returns the file.
  public Path file() {
    return file;
  }

  /// Returns the sizes of each input by its name, in the file's order; -1 stands for any.
  public Map<String, long[]> inputs() {
    return inputs;
  }

  /// Returns the sizes of each output by its name, in the file's order; -1 stands for any.
  public Map<String, long[]> outputs() {
    return outputs;
  }

  /// Runs the network on one input.
  public Tensor run(Tensor input) {
    return run(Map.of(inputs.keySet().iterator().next(), input)).values().iterator().next();
  }

  /// Runs the network on float32 inputs and returns all its outputs by their names; throws
  /// `InputException` when it cannot take them.
  public Map<String, Tensor> run(Map<String, Tensor> values) {
    List<Reflected> given = new ArrayList<>();
    Map<String, Object> tensors = new LinkedHashMap<>();
    try {
      values.forEach((name, value) -> {
        Reflected tensor = runtime.tensor(value.toFloats(), value.shape().toArray());
        given.add(tensor);
        tensors.put(name, tensor.target());
      });
      Reflected result = session.call("run", Reflected.argument(Map.class, tensors));
      try {
        return read((Iterable<?>) result.target());
      } finally {
        result.close();
      }
    } catch (OnnxException e) {
      throw new InputException(
          "the network of %s cannot be run (%s); give the file that is asked for"
              .formatted(file, e.getMessage()),
          e);
    } finally {
      given.forEach(Reflected::close);
    }
  }

  private Map<String, Tensor> read(Iterable<?> results) {
    Map<String, Tensor> read = new LinkedHashMap<>();
    for (Object each : results) {
      Map.Entry<?, ?> entry = (Map.Entry<?, ?>) each;
      Reflected value = Reflected.of(entry.getValue());
      if (value.has("getFloatBuffer")
          && value.call("getFloatBuffer").target() instanceof FloatBuffer buffer) {
        float[] floats = new float[buffer.remaining()];
        buffer.get(floats);
        long[] sizes = (long[]) value.call("getInfo").call("getShape").target();
        read.put((String) entry.getKey(), Tensor.of(floats, sizes));
      }
    }
    if (read.isEmpty()) {
      throw new InputException(
          "the network of %s gives no float32 numbers; expected a network that does"
              .formatted(file));
    }
    return read;
  }

  @Override
  public void close() {
    session.close();
  }
}
