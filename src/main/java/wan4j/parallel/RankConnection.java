package wan4j.parallel;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// The connection of two ranks that know each other: messages of a kind with bytes, and a sign of
/// life several times a second, so that silence means that the other has died or is frozen.
final class RankConnection implements AutoCloseable {
  /// Without a sign of life for so long a rank counts as frozen.
  static final int SILENCE = 3_000; // milliseconds

  static final int MOST_BYTES = 1 << 30;

  private static final long BEAT = 250; // milliseconds
  private static final int BUFFER = 1 << 16;

  /// What a message is.
  enum Kind {
    /// A sign of life.
    BEAT(0),
    /// Who a rank is: its first message.
    HELLO(1),
    /// All ranks are there.
    START(2),
    /// What a rank brings to a meeting.
    BROUGHT(3),
    /// What all have brought to it.
    SEEN(4),
    /// The first failure: the job has ended.
    FAILURE(5),
    /// This rank's work is done.
    DONE(6);

    private final int code; // as it is sent

    Kind(int code) {
      this.code = code;
    }

    private static Optional<Kind> of(int code) {
      return Arrays.stream(values()).filter(kind -> kind.code == code).findFirst();
    }
  }

  /// A message.
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Message(Kind kind, byte[] bytes) {}

  /// Who reads the messages of the other rank, on a thread of the connection.
  interface Reader {
    /// Takes a message; throws `IllegalArgumentException` for one that no rank sends.
    void read(Message message);

    /// Is told, in the past tense and without its number, how the connection ended; nothing
    /// follows.
    void ended(String what);
  }

  private final Socket socket;
  private final DataInputStream in;
  private final DataOutputStream out;
  private volatile boolean isClosing;

  RankConnection(Socket socket) throws IOException {
    this.socket = socket;
    socket.setTcpNoDelay(true);
    in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), BUFFER));
    out = new DataOutputStream(socket.getOutputStream());
  }

  /// Begins to give signs of life and to hand messages to a reader, which learns of a silence of
  /// `SILENCE` milliseconds; a sending that the other's silence holds up ends with it.
  void start(String name, Reader reader) {
    Thread.ofPlatform().daemon().name(name + ", reading").start(() -> readAll(reader));
    Thread.ofPlatform().daemon().name(name + ", signs of life").start(this::beat);
  }

  private void readAll(Reader reader) {
    String end;
    try {
      socket.setSoTimeout(SILENCE);
      while (true) {
        Message message = receive(MOST_BYTES);
        if (message.kind != Kind.BEAT) {
          reader.read(message);
        }
      }
    } catch (SocketTimeoutException e) {
      end = "gave no sign of life for %d s".formatted(TimeUnit.MILLISECONDS.toSeconds(SILENCE));
    } catch (BadMessageException | IllegalArgumentException e) {
      end = "sent " + e.getMessage();
    } catch (IOException e) {
      end = "ended before its work was done";
    }
    boolean wasClosing = isClosing;
    closeNow();
    if (!wasClosing) {
      reader.ended(end);
    }
  }

  private void beat() {
    try {
      while (!isClosing) {
        send(Kind.BEAT, new byte[0]);
        Thread.sleep(BEAT);
      }
    } catch (UncheckedIOException e) {
      // who reads learns of it
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Sends a message; throws `UncheckedIOException` where the connection has ended.
  void send(Kind kind, byte[] bytes) {
    if (bytes.length > MOST_BYTES) {
      throw new IllegalArgumentException(
          "a message between ranks has %,d bytes; expected at most %,d"
              .formatted(bytes.length, MOST_BYTES));
    }
    synchronized (out) {
      try {
        out.writeByte(kind.code);
        out.writeInt(bytes.length);
        out.write(bytes);
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /// Sends a message unless the connection has ended.
  void trySend(Kind kind, byte[] bytes) {
    try {
      send(kind, bytes);
    } catch (UncheckedIOException e) {
      // who reads learns of it
    }
  }

  /// Waits for a message of at most so many bytes, as long as the socket's timeout lets it.
  Message receive(int most) throws IOException {
    int code = in.readUnsignedByte();
    int length = in.readInt();
    Kind kind = Kind.of(code).orElse(null);
    if (kind == null || length < 0 || length > most) {
      throw new BadMessageException(
          "a message of kind %d with %d bytes, which no rank sends".formatted(code, length));
    }
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new IOException("the connection ended within a message");
    }
    return new Message(kind, bytes);
  }

  /// What is no message.
  static final class BadMessageException extends IOException {
    private static final long serialVersionUID = 1;

    BadMessageException(String what) {
      super(what);
    }
  }

  /// Ends this side's part: the reader is not told of the end any more. The other side still gets
  /// what was sent, since only it closes what it has read.
  @Override
  public void close() {
    isClosing = true;
    try {
      socket.shutdownOutput();
    } catch (IOException e) {
      // it has ended already
    }
  }

  private void closeNow() {
    isClosing = true;
    try {
      socket.close();
    } catch (IOException e) {
      // it has ended already
    }
  }
}
