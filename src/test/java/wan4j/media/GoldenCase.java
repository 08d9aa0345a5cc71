package wan4j.media;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import wan4j.tensor.Tensor;

/// A reference case among the test resources: its description and its tensors.
public final class GoldenCase {
  private final String path;
  private final JsonNode header;
  private final byte[] data;

  /// Opens the case `kind/name`.
  public GoldenCase(String name) {
    path = "/golden/" + name + "/";
    data = resource("case.safetensors");
    header = json(new String(data, 8, headerLength(), UTF_8));
  }

  private int headerLength() {
    return (int) ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  private static JsonNode json(String text) {
    return new ObjectMapper().readTree(text);
  }

  /// Returns case.json below `golden/`.
  public static JsonNode description(String name) {
    return json(new String(bytes("/golden/" + name + "/case.json"), UTF_8));
  }

  private byte[] resource(String file) {
    return bytes(path + file);
  }

  private static byte[] bytes(String resource) {
    try (InputStream in = GoldenCase.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalArgumentException("no test resource " + resource);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + resource, e);
    }
  }

  /// Returns a tensor of unsigned bytes or float32.
  public Tensor tensor(String name) {
    JsonNode entry = header.get(name);
    long[] sizes = new long[entry.get("shape").size()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = entry.get("shape").get(i).asLong();
    }
    int base = 8 + headerLength();
    byte[] bytes =
        Arrays.copyOfRange(
            data,
            base + entry.get("data_offsets").get(0).asInt(),
            base + entry.get("data_offsets").get(1).asInt());
    return switch (entry.get("dtype").asString()) {
      case "U8" -> Tensor.of(bytes, sizes);
      case "F32" -> {
        float[] values = new float[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        yield Tensor.of(values, sizes);
      }
      default -> throw new IllegalArgumentException(name + " is neither U8 nor F32");
    };
  }

  /// Returns a picture of `[height, width, 3]` bytes.
  public Picture picture(String name) {
    return Picture.of(tensor(name));
  }
}
