package wan4j.files;

import java.nio.file.Path;
import java.util.Map;

/// The folder in which what this machine worked out is kept from one run to the next:
/// `${XDG_CACHE_HOME:-~/.cache}/wan4j`. It may be emptied at any time.
public final class UserCache {
  private UserCache() {}

  /// Returns this user's folder.
  public static Path folder() {
    return folder(System.getenv());
  }

  /// Returns a folder of this process alone where the system keeps temporary files, for what the
  /// user's own folder cannot take; it is removed when the program ends. Throws `InputException`
  /// when there is none.
  public static Path temporary() {
    return Temporary.FOLDER.path();
  }

  /// Made on first need.
  private static final class Temporary {
    static final PendingFile FOLDER =
        PendingFile.folder(Path.of(System.getProperty("java.io.tmpdir"), "wan4j-cache"));
  }

  /// Returns the folder of a user with this environment, in which relative paths do not count.
  static Path folder(Map<String, String> environment) {
    Path configured = Path.of(environment.getOrDefault("XDG_CACHE_HOME", ""));
    Path home = Path.of(environment.getOrDefault("HOME", ""));
    if (!home.isAbsolute()) {
      home = Path.of(System.getProperty("user.home"));
    }
    return (configured.isAbsolute() ? configured : home.resolve(".cache")).resolve("wan4j");
  }
}
