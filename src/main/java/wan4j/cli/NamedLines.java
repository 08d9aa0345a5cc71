package wan4j.cli;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/// Lines of one of several devices at work, which begin with its name and come whole.
final class NamedLines extends OutputStream {
  private final PrintStream out;
  private final byte[] name;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  private NamedLines(PrintStream out, String name) {
    this.out = out;
    this.name = (name + "  ").getBytes(StandardCharsets.UTF_8);
  }

  /// Returns what puts a device's name before each line.
  static PrintStream on(PrintStream out, String name) {
    return new PrintStream(new NamedLines(out, name), false, StandardCharsets.UTF_8);
  }

  @Override
  public void write(int letter) {
    if (line.size() == 0) {
      line.writeBytes(name);
    }
    line.write(letter);
    if (letter == '\n') {
      out.writeBytes(line.toByteArray());
      out.flush();
      line.reset();
    }
  }
}
