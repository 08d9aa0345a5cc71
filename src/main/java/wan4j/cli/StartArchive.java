package wan4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleReader;
import java.lang.module.ResolvedModule;
import java.util.List;

/// What the launcher runs once while Java writes an archive of classes for faster starts: it loads
/// all classes of wan4j, also those of devices that are not here, and runs a command.
final class StartArchive {
  private static final String CLASS = ".class";

  private StartArchive() {}

  /// Loads the classes and exits as the command does.
  public static void main(String[] arguments) {
    load();
    Main.main(arguments);
  }

  private static void load() {
    Module module = StartArchive.class.getModule();
    ResolvedModule resolved =
        module.getLayer().configuration().findModule(module.getName()).orElseThrow();
    try (ModuleReader reader = resolved.reference().open()) {
      List<String> names =
          reader.list().filter(name -> name.startsWith("wan4j/") && name.endsWith(CLASS)).toList();
      for (String name : names) {
        String dotted = name.substring(0, name.length() - CLASS.length()).replace('/', '.');
        Class<?> _ = Class.forName(module, dotted);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
