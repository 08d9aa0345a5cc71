package wan4j.parallel;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// What ranks bring to a meeting between processes, as bytes.
final class MeetingBytes {
  private static final int MOST_PARTS = 1 << 16;

  private MeetingBytes() {}

  /// Something for the meeting of some ranks: one part for all of them, or one for each.
  record Parcel(List<Integer> members, List<byte[]> parts) {
    /// Returns the part for a member.
    byte[] to(int member) {
      return parts.get(parts.size() == 1 ? 0 : member);
    }
  }

  static byte[] of(Parcel parcel) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(parcel.members.size());
      for (int member : parcel.members) {
        out.writeInt(member);
      }
      out.writeInt(parcel.parts.size());
      for (byte[] part : parcel.parts) {
        out.writeInt(part.length);
        out.write(part);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /// Reads a parcel; throws `IllegalArgumentException` for bytes that are none.
  static Parcel parcel(byte[] bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      List<Integer> members = new ArrayList<>();
      for (int i = count(in); i > 0; i--) {
        members.add(in.readInt());
      }
      List<byte[]> parts = new ArrayList<>();
      for (int i = count(in); i > 0; i--) {
        int length = in.readInt();
        byte[] part = length < 0 ? new byte[0] : in.readNBytes(length);
        if (part.length != length) {
          throw new IllegalArgumentException("a parcel whose parts do not fit its length");
        }
        parts.add(part);
      }
      return new Parcel(members, parts);
    } catch (IOException e) {
      throw new IllegalArgumentException("a parcel that ends early", e);
    }
  }

  private static int count(DataInputStream in) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > MOST_PARTS) {
      throw new IllegalArgumentException("a parcel of %d parts".formatted(count));
    }
    return count;
  }

  /// Returns the bytes of a value of a type that a meeting between processes carries.
  static byte[] of(Class<?> type, Object value) {
    return switch (value) {
      case byte[] bytes -> bytes;
      case String text -> text.getBytes(StandardCharsets.UTF_8);
      case Integer number -> ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
      case Long number -> ByteBuffer.allocate(Long.BYTES).putLong(number).array();
      case Double number -> ByteBuffer.allocate(Double.BYTES).putDouble(number).array();
      case Boolean truth -> new byte[] {(byte) (truth ? 1 : 0)};
      case null, default -> throw refused(type);
    };
  }

  /// Returns the value that bytes are of.
  static <T> T value(Class<T> type, byte[] bytes) {
    Object value =
        type == byte[].class
            ? bytes
            : type == String.class
                ? new String(bytes, StandardCharsets.UTF_8)
                : type == Boolean.class ? bytes[0] != 0 : number(type, ByteBuffer.wrap(bytes));
    return type.cast(value);
  }

  private static Object number(Class<?> type, ByteBuffer bytes) {
    if (type == Integer.class) {
      return bytes.getInt();
    }
    if (type == Long.class) {
      return bytes.getLong();
    }
    if (type == Double.class) {
      return bytes.getDouble();
    }
    throw refused(type);
  }

  private static IllegalArgumentException refused(Class<?> type) {
    return new IllegalArgumentException(
        "a meeting between processes got a %s; expected byte[], String, Integer, Long, Double or Boolean"
            .formatted(type.getSimpleName()));
  }
}
