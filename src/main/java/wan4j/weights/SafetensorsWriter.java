package wan4j.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;
import wan4j.tensor.TensorSource;

/// Writes named tensors as one safetensors file, under a temporary name that becomes the real one
/// when it is complete.
public final class SafetensorsWriter {
  private static final int CHUNK = 8 << 20;
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private SafetensorsWriter() {}

  /// Writes the tensors, streaming them piece by piece, and the metadata, and replaces the target
  /// at the end; throws `InputException` when the folder cannot be written or the disk is full, and
  /// then leaves nothing behind.
  public static void write(
      Path target, Map<String, ? extends TensorSource> tensors, Map<String, String> metadata) {
    List<Map.Entry<String, TensorSource>> ordered = new ArrayList<>();
    tensors.forEach((name, source) -> ordered.add(Map.entry(name, source)));
    // wide types first, so that every tensor begins at a multiple of its element size
    ordered.sort(Comparator.comparingInt(e -> -e.getValue().dtype().bytes()));
    Path temporary = null;
    try {
      Path folder = target.toAbsolutePath().getParent();
      Files.createDirectories(folder);
      temporary = Files.createTempFile(folder, "." + target.getFileName(), ".part");
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        writeFully(channel, header(ordered, metadata));
        copy(ordered, channel);
        channel.force(true);
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      temporary = null;
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written (%s); expected a folder with write permission and enough space: free some or choose another"
              .formatted(target, e.getMessage()),
          e);
    } finally {
      if (temporary != null) {
        remove(temporary);
      }
    }
  }

  private static ByteBuffer header(
      List<Map.Entry<String, TensorSource>> tensors, Map<String, String> metadata) {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put("__metadata__", metadata);
    }
    long position = 0;
    for (Map.Entry<String, TensorSource> tensor : tensors) {
      TensorSource source = tensor.getValue();
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("dtype", source.dtype().name());
      entry.put("shape", source.shape().toArray());
      entry.put("data_offsets", new long[] {position, position + source.bytes()});
      header.put(tensor.getKey(), entry);
      position += source.bytes();
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

  private static void copy(List<Map.Entry<String, TensorSource>> tensors, FileChannel channel)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(CHUNK, 64);
      for (Map.Entry<String, TensorSource> tensor : tensors) {
        TensorSource source = tensor.getValue();
        for (long done = 0; done < source.bytes(); ) {
          MemorySegment part = buffer.asSlice(0, Math.min(CHUNK, source.bytes() - done));
          source.read(done, part);
          writeFully(channel, part.asByteBuffer());
          done += part.byteSize();
        }
      }
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static void remove(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
