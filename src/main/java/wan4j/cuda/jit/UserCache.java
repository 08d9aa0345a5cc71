package wan4j.cuda.jit;

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

  /// Returns the folder of a user with this environment.
  static Path folder(Map<String, String> environment) {
    var cache = environment.get("XDG_CACHE_HOME");
    var root =
        cache == null || cache.isBlank()
            ? Path.of(environment.getOrDefault("HOME", System.getProperty("user.home")), ".cache")
            : Path.of(cache);
    return root.resolve("wan4j");
  }
}
