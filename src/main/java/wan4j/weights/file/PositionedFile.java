package wan4j.weights.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CancellationException;
import wan4j.tensor.InputException;

/// A file that many threads read by position; it is never mapped, because a mapped file that
/// shrinks ends the process.
public final class PositionedFile implements AutoCloseable {
  private static final int NATIVE_CHUNK = 1 << 30;

  // the channel copies through a direct buffer of this size when the target lies on the heap
  private static final int HEAP_CHUNK = 1 << 22;

  private final Path path;
  private final long size;
  private volatile FileChannel channel;
  private volatile boolean isClosed;

  private PositionedFile(Path path, FileChannel channel, long size) {
    this.path = path;
    this.channel = channel;
    this.size = size;
  }

  public static PositionedFile open(Path path) {
    if (Files.isDirectory(path)) {
      throw new InputException(path + " is a folder; expected a file of weights");
    }
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      return new PositionedFile(path, channel, channel.size());
    } catch (NoSuchFileException e) {
      String what = Files.isSymbolicLink(path) ? " is a link to a missing file" : " does not exist";
      throw new InputException(path + what + "; check the path, or download it again", e);
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  Path path() {
    return path;
  }

  /// Returns the length of the file in bytes when it was opened.
  long size() {
    return size;
  }

  /// Fills the target from a position on; throws `InputException` when the file ends before that.
  void read(long position, MemorySegment target) {
    boolean isDirect = target.isNative() || target.heapBase().orElse(null) instanceof byte[];
    long limit = target.isNative() ? NATIVE_CHUNK : HEAP_CHUNK;
    ByteBuffer bounce =
        isDirect ? null : ByteBuffer.allocate((int) Math.min(limit, target.byteSize()));
    for (long done = 0; done < target.byteSize(); ) {
      MemorySegment part = target.asSlice(done, Math.min(limit, target.byteSize() - done));
      if (bounce == null) {
        fill(position + done, part.asByteBuffer());
      } else {
        fill(position + done, bounce.clear().limit((int) part.byteSize()));
        part.copyFrom(MemorySegment.ofBuffer(bounce.flip()));
      }
      done += part.byteSize();
    }
  }

  /// Reads a short range into an array; throws `InputException` when the file ends before that.
  byte[] read(long position, int length) {
    byte[] bytes = new byte[length];
    read(position, MemorySegment.ofArray(bytes));
    return bytes;
  }

  private void fill(long position, ByteBuffer buffer) {
    long at = position;
    while (buffer.hasRemaining()) {
      FileChannel current = channel;
      try {
        int count = current.read(buffer, at);
        if (count < 0) {
          throw new InputException(
              "%s ends at byte %d, but bytes up to %d are needed; it became shorter while in use or is incomplete: download it again"
                  .formatted(path, current.size(), at + buffer.remaining()));
        }
        at += count;
      } catch (ClosedChannelException e) {
        reopen(e);
      } catch (IOException e) {
        throw unreadable(path, e);
      }
    }
  }

  /// Opens the channel again after an interrupt of one reading thread closed it for all of them.
  private synchronized void reopen(ClosedChannelException cause) {
    if (isClosed) {
      throw new IllegalStateException(path + " was closed while it is in use", cause);
    }
    if (Thread.currentThread().isInterrupted()) {
      CancellationException cancelled =
          new CancellationException("reading " + path + " was interrupted");
      cancelled.initCause(cause);
      throw cancelled;
    }
    if (!channel.isOpen()) {
      try {
        channel = FileChannel.open(path, StandardOpenOption.READ);
      } catch (IOException e) {
        throw unreadable(path, e);
      }
    }
  }

  private static InputException unreadable(Path path, IOException cause) {
    return new InputException(
        "%s cannot be read (%s); check the path and its permissions"
            .formatted(path, cause.getMessage()),
        cause);
  }

  @Override
  public synchronized void close() {
    isClosed = true;
    try {
      channel.close();
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }
}
