package wan4j.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import wan4j.files.InputFile;
import wan4j.tensor.InputException;

/// Where a prompt comes from.
final class Prompt {
  private static final int LARGEST_FILE = 1 << 20;

  private static final char REPLACEMENT = '\uFFFD'; // for what could not be decoded

  private Prompt() {}

  /// Throws `InputException` for a prompt whose letters were lost on the way.
  static void requireReadable(String prompt) {
    if (prompt.indexOf(REPLACEMENT) >= 0) {
      throw new InputException(
          "the prompt got \"%s\", whose letters were lost between the terminal and Java; expected UTF-8: run with LC_ALL=C.UTF-8, or give a file with --prompt_file"
              .formatted(prompt));
    }
  }

  /// Returns the prompt that was given, or that a file holds; throws `InputException` when there is
  /// none.
  static String of(String prompt, Path file) {
    if (prompt != null) {
      requireReadable(prompt);
      return prompt;
    }
    if (file == null) {
      throw new InputException("no prompt was given; say what the video shows with --prompt");
    }
    try {
      return read(file);
    } catch (CharacterCodingException e) {
      throw new InputException("%s is not UTF-8; save the prompt as UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read (%s); give a text file with --prompt_file"
              .formatted(file, Failure.reason(e)),
          e);
    }
  }

  /// Reads no further than the limit, whatever the file says of its size.
  private static String read(Path file) throws IOException {
    InputFile.require(file, "a text file with the prompt");
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(LARGEST_FILE + 1);
    }
    if (bytes.length > LARGEST_FILE) {
      throw new InputException(
          "%s has more than %,d bytes; a prompt file has at most so many: make it shorter"
              .formatted(file, LARGEST_FILE));
    }
    String prompt =
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString().strip();
    if (prompt.isEmpty()) {
      throw new InputException("%s is empty; write what the video shows into it".formatted(file));
    }
    return prompt;
  }
}
