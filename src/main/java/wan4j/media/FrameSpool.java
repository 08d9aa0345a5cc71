package wan4j.media;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;
import wan4j.files.PendingFile;
import wan4j.tensor.Tensor;

/// Frames as they are in a hidden file beside a video that is being written, so that encoding can
/// begin anew; it goes when it is closed. A video larger than the spool takes is not kept.
final class FrameSpool implements AutoCloseable {
  private static final long MOST = 4L << 30; // 25 seconds of 720P

  private final Path target;
  private final PendingFile file;
  private final int height;
  private final int width;
  private FileChannel channel; // null once there was too much

  /// Creates a spool beside a target for frames of the size of `first`.
  FrameSpool(Path target, Tensor first) {
    this.target = target;
    height = first.length(1);
    width = first.length(2);
    file = PendingFile.file(target);
    try {
      channel =
          FileChannel.open(
              file.path(),
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  /// Says whether all frames are here.
  boolean isWhole() {
    return channel != null;
  }

  /// Keeps frames, unless they are too many.
  void add(Tensor frames) {
    if (channel == null) {
      return;
    }
    try {
      if (channel.position() + frames.bytes() > MOST) {
        channel.close();
        channel = null;
        file.close();
        return;
      }
      for (int i = 0; i < frames.length(0); i++) {
        ByteBuffer bytes = frames.at(i).segment().asByteBuffer();
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  /// Hands over all frames again, one at a time.
  void forEach(Consumer<Tensor> action) {
    Tensor frame = FrameConversion.frames(1, height, width);
    try {
      long end = channel.position();
      for (long at = 0; at < end; at += frame.bytes()) {
        ByteBuffer bytes = frame.segment().asByteBuffer();
        while (bytes.hasRemaining()) {
          if (channel.read(bytes, at + bytes.position()) < 0) {
            throw new EOFException("its frames end too early");
          }
        }
        action.accept(frame);
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  @Override
  public void close() {
    try (file) {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }
}
