package wan4j.onnx;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Writes small networks as ONNX files: the protocol buffers of onnx/onnx 1.17, onnx/onnx.proto, as
/// far as the tests need them.
public final class OnnxFile {
  private static final int VARINT = 0;
  private static final int BYTES = 2;
  private static final int FLOAT = 1;
  private static final int INT64 = 7;
  private static final int OPSET = 13;

  private final Message graph = new Message();

  /// A message as it is written.
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message number(int field, long value) {
      varint((long) field << 3 | VARINT);
      varint(value);
      return this;
    }

    Message bytes(int field, byte[] value) {
      varint((long) field << 3 | BYTES);
      varint(value.length);
      out.writeBytes(value);
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message value) {
      return bytes(field, value.out.toByteArray());
    }

    private void varint(long value) {
      long left = value;
      while ((left & ~0x7FL) != 0) {
        out.write((int) ((left & 0x7F) | 0x80));
        left >>>= 7;
      }
      out.write((int) left);
    }
  }

  /// Begins a network.
  public OnnxFile() {
    graph.text(2, "graph");
  }

  /// Adds a float32 input.
  public OnnxFile input(String name, long... sizes) {
    graph.message(11, value(name, sizes));
    return this;
  }

  /// Adds a float32 output.
  public OnnxFile output(String name, long... sizes) {
    graph.message(12, value(name, sizes));
    return this;
  }

  private static Message value(String name, long... sizes) {
    Message shape = new Message();
    for (long size : sizes) {
      shape.message(1, size < 0 ? new Message().text(2, "any") : new Message().number(1, size));
    }
    Message tensor = new Message().number(1, FLOAT).message(2, shape);
    return new Message().text(1, name).message(2, new Message().message(1, tensor));
  }

  /// Adds constant numbers.
  public OnnxFile floats(String name, float[] values, long... sizes) {
    ByteBuffer raw =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    return tensor(name, FLOAT, raw.array(), sizes);
  }

  /// Adds constant whole numbers, one after the other.
  public OnnxFile longs(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    return tensor(name, INT64, raw.array(), values.length);
  }

  private OnnxFile tensor(String name, int type, byte[] raw, long... sizes) {
    Message tensor = new Message();
    for (long size : sizes) {
      tensor.number(1, size);
    }
    graph.message(5, tensor.number(2, type).text(8, name).bytes(9, raw));
    return this;
  }

  /// An attribute of an operation: whole numbers, or one.
  @SuppressWarnings("ArrayRecordComponent") // written once, never compared
  public record Attribute(String name, boolean isList, long... values) {
    private Message message() {
      Message message = new Message().text(1, name);
      for (long value : values) {
        message.number(isList ? 8 : 3, value);
      }
      return message.number(20, isList ? 7 : 2);
    }
  }

  /// Returns an attribute of whole numbers.
  public static Attribute list(String name, long... values) {
    return new Attribute(name, true, values);
  }

  /// Returns an attribute of one whole number.
  public static Attribute number(String name, long value) {
    return new Attribute(name, false, value);
  }

  /// Adds an operation with one output; its inputs are parted by commas.
  public OnnxFile node(String type, String inputs, String output, Attribute... attributes) {
    Message node = new Message();
    for (String input : inputs.split(",", -1)) {
      node.text(1, input);
    }
    node.text(2, output).text(3, output).text(4, type);
    for (Attribute attribute : attributes) {
      node.message(5, attribute.message());
    }
    graph.message(1, node);
    return this;
  }

  /// Writes the file and the folders above it.
  public Path write(Path file) throws IOException {
    Message model =
        new Message()
            .number(1, 8)
            .message(8, new Message().text(1, "").number(2, OPSET))
            .message(7, graph);
    Files.createDirectories(file.toAbsolutePath().getParent());
    return Files.write(file, model.out.toByteArray());
  }
}
