package wan4j.parallel;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/// What two processes say first, before either believes the other to be of its job: few bytes, of
/// known number, within a known time. Rank 0 greets with a challenge; the other answers with one of
/// its own and its proof, and rank 0 with its proof, or with zeros where the other's is wrong.
final class Handshake {
  static final Duration LIMIT = Duration.ofSeconds(5);

  private static final byte[] GREETING = "wan4j job 1\n".getBytes(StandardCharsets.US_ASCII);
  private static final String RANK = "rank";
  private static final String HUB = "rank 0";

  private final Socket socket;
  private final JobSecret secret;
  private final long end;

  /// Begins the time that the handshake may take.
  Handshake(Socket socket, JobSecret secret) {
    this.socket = socket;
    this.secret = secret;
    end = System.nanoTime() + LIMIT.toNanos();
  }

  /// How the other side's answer ended a handshake.
  enum Outcome {
    /// It belongs to the job.
    KNOWN,
    /// It knows another secret.
    OTHER_SECRET,
    /// It is something else.
    STRANGER
  }

  /// Does rank 0's part; throws `IOException` for who does not answer in time.
  Outcome asHub() throws IOException {
    byte[] challenge = JobSecret.challenge();
    OutputStream out = socket.getOutputStream();
    out.write(GREETING);
    out.write(challenge);
    out.flush();
    if (!Arrays.equals(read(GREETING.length), GREETING)) {
      return Outcome.STRANGER;
    }
    byte[] others = read(JobSecret.CHALLENGE);
    boolean isKnown = secret.isProof(read(JobSecret.PROOF), RANK, challenge, others);
    out.write(isKnown ? secret.proof(HUB, others, challenge) : new byte[JobSecret.PROOF]);
    out.flush();
    return isKnown ? Outcome.KNOWN : Outcome.OTHER_SECRET;
  }

  /// Does the part of any other rank; throws `IOException` where no rank 0 answers in time.
  Outcome asRank() throws IOException {
    if (!Arrays.equals(read(GREETING.length), GREETING)) {
      return Outcome.STRANGER;
    }
    byte[] others = read(JobSecret.CHALLENGE);
    byte[] challenge = JobSecret.challenge();
    OutputStream out = socket.getOutputStream();
    out.write(GREETING);
    out.write(challenge);
    out.write(secret.proof(RANK, others, challenge));
    out.flush();
    return secret.isProof(read(JobSecret.PROOF), HUB, challenge, others)
        ? Outcome.KNOWN
        : Outcome.OTHER_SECRET;
  }

  /// Lets what is read next take no longer than the rest of the handshake's time.
  void limitReading() throws IOException {
    long left = (end - System.nanoTime()) / 1_000_000;
    if (left <= 0) {
      throw new SocketTimeoutException("the handshake takes too long");
    }
    socket.setSoTimeout((int) left);
  }

  private byte[] read(int count) throws IOException {
    InputStream in = socket.getInputStream();
    byte[] bytes = new byte[count];
    int got = 0;
    while (got < count) {
      limitReading(); // for each part, so that bytes one by one do not prolong it
      int more = in.read(bytes, got, count - got);
      if (more < 0) {
        throw new EOFException("the connection ended within the handshake");
      }
      got += more;
    }
    return bytes;
  }
}
