package wan4j.weights.file;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;
import wan4j.files.PendingFile;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// A safetensors file under way: its tensors are known beforehand, come in any order, and are
/// written by all processors to a temporary name that becomes the real one when all are there;
/// closing it before that leaves nothing behind.
public final class SafetensorsOutput implements AutoCloseable {
  private static final int CHUNK = 4 << 20;
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /// A tensor that is going to be written.
  public record Entry(String name, DType dtype, Shape shape) {
    /// Returns the number of bytes of its elements.
    public long bytes() {
      return shape.count() * dtype.bytes();
    }
  }

  private final Path target;
  private final PendingFile pending;
  private final Map<String, Entry> missing = new LinkedHashMap<>();
  private final Map<String, Long> positions = new LinkedHashMap<>();
  private final Arena arena = Arena.ofShared();
  private final Queue<MemorySegment> buffers = new ConcurrentLinkedQueue<>();
  private FileChannel channel;

  private SafetensorsOutput(Path target) {
    this.target = target;
    pending = PendingFile.file(target);
  }

  /// Begins a file; throws `InputException` when its folder cannot be written.
  public static SafetensorsOutput create(
      Path target, List<Entry> entries, Map<String, String> metadata) {
    SafetensorsOutput output = new SafetensorsOutput(target);
    try {
      output.begin(entries, metadata);
      return output;
    } catch (IOException e) {
      output.close();
      throw PendingFile.failure(target, e);
    } catch (RuntimeException | Error e) {
      output.close();
      throw e;
    }
  }

  private void begin(List<Entry> entries, Map<String, String> metadata) throws IOException {
    List<Entry> ordered = new ArrayList<>(entries);
    // wide types first, so that every tensor begins at a multiple of its element size
    ordered.sort(Comparator.comparingInt(entry -> -entry.dtype().bytes()));
    ByteBuffer header = header(ordered, metadata);
    long position = header.remaining();
    for (Entry entry : ordered) {
      missing.put(entry.name(), entry);
      positions.put(entry.name(), position);
      position += entry.bytes();
    }
    PendingFile.createParent(target);
    channel =
        FileChannel.open(pending.path(), StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    writeFully(header, 0);
  }

  private static ByteBuffer header(List<Entry> entries, Map<String, String> metadata) {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put("__metadata__", metadata);
    }
    long position = 0;
    for (Entry entry : entries) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("dtype", entry.dtype().name());
      line.put("shape", entry.shape().toArray());
      line.put("data_offsets", new long[] {position, position + entry.bytes()});
      header.put(entry.name(), line);
      position += entry.bytes();
    }
    byte[] json = MAPPER.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return ByteBuffer.allocate(8 + padded.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(padded.length)
        .put(padded)
        .flip();
  }

  /// Writes a tensor's elements; throws `InputException` when the disk is full, and
  /// `IllegalArgumentException` for a tensor that was not announced so or comes twice.
  public void write(String name, TensorSource source) {
    Entry entry = missing.remove(name);
    if (entry == null || entry.dtype() != source.dtype() || !entry.shape().equals(source.shape())) {
      throw new IllegalArgumentException(
          "got %s %s %s, expected %s".formatted(name, source.dtype(), source.shape(), entry));
    }
    long first = positions.get(name);
    long bytes = entry.bytes();
    IntStream pieces = IntStream.range(0, Math.toIntExact(Math.ceilDiv(bytes, (long) CHUNK)));
    try {
      (bytes > CHUNK ? pieces.parallel() : pieces)
          .forEach(i -> {
            long offset = (long) i * CHUNK;
            write(source, offset, Math.min(CHUNK, bytes - offset), first + offset);
          });
    } catch (UncheckedIOException e) {
      throw PendingFile.failure(target, e.getCause());
    }
  }

  private void write(TensorSource source, long offset, long length, long position) {
    MemorySegment buffer = buffers.poll();
    if (buffer == null) {
      buffer = arena.allocate(CHUNK, 64);
    }
    try {
      MemorySegment part = buffer.asSlice(0, length);
      source.read(offset, part);
      writeFully(part.asByteBuffer(), position);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      buffers.add(buffer);
    }
  }

  private void writeFully(ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /// Flushes the file to the disk and gives it its name, in place of what had it; throws
  /// `InputException` when that is not possible and `IllegalStateException` when a tensor is
  /// missing.
  public void finish() {
    if (!missing.isEmpty()) {
      throw new IllegalStateException(target + " still lacks " + missing.keySet());
    }
    try {
      channel.close();
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
    pending.commit();
  }

  /// Removes the file unless it is finished.
  @Override
  public void close() {
    arena.close();
    try (pending) {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }
}
