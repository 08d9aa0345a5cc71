package wan4j.cpu;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import wan4j.files.PendingFile;
import wan4j.files.UserCache;
import wan4j.tensor.InputException;

/// Puts the libraries of OpenBLAS, which come in a jar, into the user's cache folder, where the
/// system can load them.
final class OpenBlasFiles {
  private static final String MODULE = "org.bytedeco.openblas.linux.x86_64";
  private static final String FOLDER = "org/bytedeco/openblas/linux-x86_64/";
  // in the order in which they need each other
  private static final List<String> NAMES =
      List.of("libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0");

  private static final System.Logger LOG = System.getLogger("wan4j.cpu");

  private OpenBlasFiles() {}

  /// Returns the libraries in the order in which they must be loaded, extracted unless that was
  /// done before; none when the jar is missing or this is another kind of machine.
  static List<Path> extract() throws IOException {
    boolean isLinux = "Linux".equals(System.getProperty("os.name"));
    if (!isLinux || !"amd64".equals(System.getProperty("os.arch"))) {
      return List.of();
    }
    List<URL> urls = new ArrayList<>();
    for (String name : NAMES) {
      URL url = find(name);
      if (url == null) {
        return List.of();
      }
      urls.add(url);
    }
    return extract(urls, UserCache.folder(), UserCache::temporary);
  }

  /// Extracts the libraries below a folder or, where that cannot take them, below another one.
  static List<Path> extract(List<URL> urls, Path cache, Supplier<Path> other) throws IOException {
    try {
      return extract(urls, cache);
    } catch (IOException | InputException e) {
      Path instead = other.get();
      LOG.log(
          System.Logger.Level.WARNING,
          "the libraries of OpenBLAS cannot be kept in %s and go to %s for this run alone: set XDG_CACHE_HOME to a folder that can be written and has room"
              .formatted(cache, instead));
      return extract(urls, instead);
    }
  }

  private static List<Path> extract(List<URL> urls, Path cache) throws IOException {
    List<Path> files = new ArrayList<>();
    for (URL url : urls) {
      String path = url.getPath();
      files.add(extract(url, cache, path.substring(path.lastIndexOf('/') + 1)));
    }
    return files;
  }

  private static URL find(String name) throws IOException {
    URL onClassPath = ClassLoader.getSystemResource(FOLDER + name);
    if (onClassPath != null) {
      return onClassPath;
    }
    // on the module path the jar is not resolved, since its own dependency is not there
    String modulePath = System.getProperty("jdk.module.path", "");
    Path[] entries =
        Arrays.stream(modulePath.split(File.pathSeparator))
            .filter(entry -> !entry.isEmpty())
            .map(Path::of)
            .toArray(Path[]::new);
    ModuleReference module = ModuleFinder.of(entries).find(MODULE).orElse(null);
    if (module == null) {
      return null;
    }
    try (var reader = module.open()) {
      URI resource = reader.find(FOLDER + name).orElse(null);
      return resource == null ? null : resource.toURL();
    }
  }

  private static Path extract(URL url, Path cache, String name) throws IOException {
    URLConnection connection = url.openConnection();
    connection.setUseCaches(false);
    try (InputStream in = connection.getInputStream()) {
      long length = connection.getContentLengthLong();
      Path file = cache.resolve(version(url)).resolve(name);
      if (Files.exists(file) && Files.size(file) == length) {
        return file;
      }
      PendingFile.createParent(file);
      try (PendingFile pending = PendingFile.file(file)) {
        Files.copy(in, pending.path());
        pending.commit();
      }
      return file;
    }
  }

  /// Returns the name of the jar, which holds the version.
  private static String version(URL url) {
    String jar = url.getPath().replaceFirst("!.*", "");
    return jar.substring(jar.lastIndexOf('/') + 1).replaceFirst("\\.jar$", "");
  }
}
