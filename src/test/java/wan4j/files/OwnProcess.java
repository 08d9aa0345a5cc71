package wan4j.files;

import java.io.File;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A class of the tests that ran in a process of its own, and what it said.
public record OwnProcess(int code, String said) {
  /// Runs a class's main method with further variables in its environment.
  public static OwnProcess run(Class<?> main, Map<String, String> environment, String... arguments)
      throws Exception {
    Process process = start(main, environment, arguments);
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new OwnProcess(process.waitFor(), said);
  }

  /// Starts it; both of its outputs are the process's input stream.
  public static Process start(Class<?> main, Map<String, String> environment, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", classPath(), main.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return builder.start();
  }

  /// Returns where a process finds the classes of the program, its tests and its libraries.
  public static String classPath() throws URISyntaxException {
    Path classes =
        Path.of(PendingFile.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    return String.join(
        File.pathSeparator,
        classes.toString(),
        classes.resolveSibling("test-classes").toString(),
        System.getProperty("jdk.module.path", ""),
        System.getProperty("java.class.path"));
  }
}
