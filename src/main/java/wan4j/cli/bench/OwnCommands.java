package wan4j.cli.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.cli.Main;
import wan4j.tensor.InputException;

/// Commands of wan4j in processes of their own, by the launcher that started this one, or else with
/// its Java and its options.
final class OwnCommands {
  private static final Path TYPED = Path.of("/proc/self/cmdline");
  private static final String END_OF_WORD = "\0";

  /// The launcher's own standard error, which a process that it has not started does not have.
  private static final String STANDARD_ERROR = "-Dwan4j.standard-error=";

  /// The launcher's file, which it tells.
  private static final String LAUNCHER = "-Dwan4j.launcher=";

  private final List<String> start;

  private OwnCommands(List<String> start) {
    this.start = start;
  }

  /// Creates what starts commands as this process was started; throws `InputException` where it
  /// cannot be known how it was.
  static OwnCommands ofThisProcess() {
    return of(typed());
  }

  /// The same of the words by which a process was started.
  static OwnCommands of(List<String> words) {
    for (String word : words) {
      if (word.startsWith(LAUNCHER)) {
        return new OwnCommands(List.of(word.substring(LAUNCHER.length())));
      }
    }
    for (int i = 0; i < words.size(); i++) {
      if (words.get(i).endsWith(Main.class.getName())) {
        return new OwnCommands(
            words.subList(0, i + 1).stream()
                .filter(word -> !word.startsWith(STANDARD_ERROR))
                .toList());
      }
    }
    throw new InputException(
        "commands are started as this one was, and how that was cannot be read from %s; run it on"
                .formatted(TYPED)
            + " Linux by ./wan4j");
  }

  private static List<String> typed() {
    try {
      return List.of(Files.readString(TYPED, StandardCharsets.UTF_8).split(END_OF_WORD, -1));
    } catch (IOException e) {
      return List.of(); // not Linux
    }
  }

  /// Returns the words before those of a command.
  List<String> start() {
    return start;
  }

  /// Runs `generate` with further words; throws `InputException` with its last line when it fails.
  void generate(List<String> words) {
    generate(words, _ -> {});
  }

  /// The same, giving each line that it says as it comes.
  void generate(List<String> words, Consumer<String> line) {
    List<String> command = new ArrayList<>(start);
    command.add("generate");
    command.addAll(words);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String last = "nothing";
      try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
        for (String next = said.readLine(); next != null; next = said.readLine()) {
          line.accept(next);
          last = next;
        }
      }
      int code = process.waitFor();
      if (code != 0) {
        throw new InputException(
            "generate ended with exit code %d and said: %s".formatted(code, last));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a command ran", e);
    }
  }
}
