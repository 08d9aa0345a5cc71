package wan4j.text;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import wan4j.tensor.InputException;

/// Reads the fields of one protocol buffer message in order.
final class ProtocolBuffer {
  private final ByteBuffer bytes;
  private final String file;
  private int wireType;

  private ProtocolBuffer(ByteBuffer bytes, String file) {
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
    this.file = file;
  }

  /// A message that fills these bytes; `file` is named in errors.
  static ProtocolBuffer of(byte[] bytes, String file) {
    return new ProtocolBuffer(ByteBuffer.wrap(bytes), file);
  }

  /// The number of the next field, or 0 at the end; its value must be read or skipped.
  int next() {
    if (!bytes.hasRemaining()) {
      return 0;
    }
    long key = varint();
    wireType = (int) (key & 7);
    long field = key >>> 3;
    if (field < 1 || field > Integer.MAX_VALUE) {
      throw damaged();
    }
    return (int) field;
  }

  /// An integer field.
  long integer() {
    require(0);
    return varint();
  }

  /// A float field.
  float real() {
    require(5);
    try {
      return bytes.getFloat();
    } catch (BufferUnderflowException e) {
      throw damaged();
    }
  }

  /// A field of bytes.
  byte[] blob() {
    require(2);
    byte[] blob = new byte[length(varint())];
    bytes.get(blob);
    return blob;
  }

  /// A field of text.
  String text() {
    return new String(blob(), StandardCharsets.UTF_8);
  }

  /// A field that is a message of its own.
  ProtocolBuffer message() {
    require(2);
    int length = length(varint());
    var message = new ProtocolBuffer(bytes.slice(bytes.position(), length), file);
    bytes.position(bytes.position() + length);
    return message;
  }

  /// Passes over a field.
  void skip() {
    switch (wireType) {
      case 0 -> varint();
      case 1 -> bytes.position(bytes.position() + length(8));
      case 2 -> {
        int length = length(varint());
        bytes.position(bytes.position() + length);
      }
      case 5 -> bytes.position(bytes.position() + length(4));
      default -> throw damaged();
    }
  }

  private void require(int expected) {
    if (wireType != expected) {
      throw damaged();
    }
  }

  private int length(long length) {
    if (length < 0 || length > bytes.remaining()) {
      throw damaged();
    }
    return (int) length;
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 64 && bytes.hasRemaining(); shift += 7) {
      byte b = bytes.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw damaged();
  }

  private InputException damaged() {
    return new InputException(
        file
            + " is damaged at byte "
            + bytes.position()
            + " of a message, expected a SentencePiece model; download the tokenizer again");
  }
}
