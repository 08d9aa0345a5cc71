package wan4j.weights.file;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;
import wan4j.files.Json;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// Reads the table of contents of a safetensors file: eight bytes of length, a JSON header, then
/// the elements without gaps, as the format's description in huggingface/safetensors demands.
final class SafetensorsReader {
  // the limit of the format's own reader
  private static final long LARGEST_HEADER = 100_000_000;
  private static final int HIGHEST_RANK = 32;
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final JsonFactory JSON = new JsonFactory();

  /// One line of the header; positions count from the end of the header; `dtype` is null for a type
  /// that is not read.
  private record Entry(String name, String type, DType dtype, Shape shape, long begin, long end) {}

  private final PositionedFile file;
  private final Map<String, Entry> entries = new HashMap<>();
  private final Map<String, String> metadata = new HashMap<>();
  private final Map<String, String> unread = new LinkedHashMap<>();

  private SafetensorsReader(PositionedFile file) {
    this.file = file;
  }

  static TensorFile read(PositionedFile file) {
    return new SafetensorsReader(file).read();
  }

  private TensorFile read() {
    if (file.size() < 8) {
      throw damaged("has only " + file.size() + " bytes");
    }
    long length = MemorySegment.ofArray(file.read(0, 8)).get(LENGTH, 0);
    if (length < 2 || length > LARGEST_HEADER) {
      throw damaged("announces a header of " + Long.toUnsignedString(length) + " bytes");
    }
    if (length > file.size() - 8) {
      throw damaged("has a header of " + length + " bytes in a file of " + file.size());
    }
    byte[] header = file.read(8, (int) length);
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), header)) {
      parse(parser);
    } catch (JacksonException e) {
      throw damaged("has a header that is not JSON (" + Json.reason(e) + ")");
    }
    List<Entry> inOrder =
        entries.values().stream()
            .sorted(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end))
            .toList();
    checkLayout(inOrder, file.size() - 8 - length);
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    for (Entry entry : inOrder) {
      if (entry.dtype == null) {
        unread.put(entry.name, entry.type);
        continue;
      }
      tensors.put(
          entry.name,
          new FileSource(entry.name, entry.shape, entry.dtype, file, 8 + length + entry.begin));
    }
    return new TensorFile(file, tensors, metadata, unread);
  }

  private void parse(JsonParser parser) {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "its header");
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      TensorFile.requireName(file.path(), name);
      JsonToken value = parser.nextToken();
      if (name.equals("__metadata__") && value == JsonToken.VALUE_NULL) {
        continue;
      }
      expect(value, JsonToken.START_OBJECT, Quoted.of(name));
      if (name.equals("__metadata__")) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String key = parser.currentName();
          expect(parser.nextToken(), JsonToken.VALUE_STRING, Quoted.of(key));
          metadata.put(key, parser.getString());
        }
      } else {
        entries.put(name, entry(parser, name)); // the last of a name counts, as for its own reader
      }
    }
    if (parser.nextToken() != null) {
      throw damaged("has more than one JSON object in its header");
    }
  }

  private Entry entry(JsonParser parser, String name) {
    String type = null;
    long[] sizes = null;
    long[] offsets = null;
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (key) {
        case "dtype" -> {
          expect(value, JsonToken.VALUE_STRING, "the dtype of " + Quoted.of(name));
          type = parser.getString();
        }
        case "shape" -> sizes = integers(parser, value, name);
        case "data_offsets" -> offsets = integers(parser, value, name);
        default ->
            throw damaged("describes " + Quoted.of(name) + " by an unknown " + Quoted.of(key));
      }
    }
    if (type == null || sizes == null || offsets == null || offsets.length != 2) {
      throw damaged("does not give dtype, shape and two data_offsets for " + Quoted.of(name));
    }
    DType dtype = dtype(type);
    if (dtype == null) {
      if (offsets[0] > offsets[1]) {
        throw damaged("gives %s bytes that end before they begin".formatted(Quoted.of(name)));
      }
      return new Entry(name, type, null, Shape.of(), offsets[0], offsets[1]);
    }
    Shape shape = shape(sizes, dtype, name);
    if (offsets[0] > offsets[1] || offsets[1] - offsets[0] != shape.count() * dtype.bytes()) {
      throw damaged(
          "gives bytes %d to %d to %s %s %s, which needs %d"
              .formatted(
                  offsets[0],
                  offsets[1],
                  Quoted.of(name),
                  dtype,
                  shape,
                  shape.count() * dtype.bytes()));
    }
    return new Entry(name, type, dtype, shape, offsets[0], offsets[1]);
  }

  private long[] integers(JsonParser parser, JsonToken first, String name) {
    expect(first, JsonToken.START_ARRAY, Quoted.of(name));
    long[] values = new long[HIGHEST_RANK];
    int count = 0;
    while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
      if (count == HIGHEST_RANK) {
        throw damaged("gives " + Quoted.of(name) + " more than " + HIGHEST_RANK + " axes");
      }
      long value = parser.getLongValue();
      if (value < 0) {
        throw damaged("holds the negative number " + value + " for " + Quoted.of(name));
      }
      values[count++] = value;
    }
    expect(parser.currentToken(), JsonToken.END_ARRAY, Quoted.of(name));
    return java.util.Arrays.copyOf(values, count);
  }

  /// Returns the type of a name, or null for one that is not read.
  private static DType dtype(String type) {
    return switch (type) {
      case "F64" -> DType.F64;
      case "F32" -> DType.F32;
      case "F16" -> DType.F16;
      case "BF16" -> DType.BF16;
      case "F8_E4M3" -> DType.F8_E4M3;
      case "F8_E5M2" -> DType.F8_E5M2;
      case "I64" -> DType.I64;
      case "I32" -> DType.I32;
      case "I16" -> DType.I16;
      case "I8" -> DType.I8;
      case "U8" -> DType.U8;
      case "BOOL" -> DType.BOOL;
      default -> null;
    };
  }

  private Shape shape(long[] sizes, DType dtype, String name) {
    try {
      Shape shape = Shape.of(sizes);
      Math.multiplyExact(shape.count(), (long) dtype.bytes());
      return shape;
    } catch (ArithmeticException e) {
      throw damaged("gives " + Quoted.of(name) + " more elements than any file can hold");
    }
  }

  private void checkLayout(List<Entry> inOrder, long bytes) {
    long position = 0;
    for (Entry entry : inOrder) {
      if (entry.begin != position) {
        throw damaged(
            "%s %s: it begins at byte %d, but %d was expected"
                .formatted(
                    entry.begin < position ? "overlaps" : "leaves a hole before",
                    Quoted.of(entry.name),
                    entry.begin,
                    position));
      }
      position = entry.end;
    }
    if (position != bytes) {
      throw damaged("holds " + bytes + " bytes of elements, but its header promises " + position);
    }
  }

  private void expect(JsonToken got, JsonToken expected, String what) {
    if (got != expected) {
      throw damaged("has " + got + " where " + what + " needs " + expected);
    }
  }

  private InputException damaged(String what) {
    return new InputException(
        file.path() + " " + what + "; expected a complete safetensors file: download it again");
  }
}
