package wan4j.cuda.bind;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The folders in which CUDA libraries are looked for, best first.
final class LibraryLocations {
  private static final List<String> DRIVER =
      List.of("usr/local/nvidia/lib64", "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib/wsl/lib");

  private LibraryLocations() {}

  /// Folders named by `WAN4J_CUDA_PATH`: each entry itself and its usual library folders.
  static List<Path> chosen(Map<String, String> environment) {
    var found = new LinkedHashSet<Path>();
    for (var entry : environment.getOrDefault("WAN4J_CUDA_PATH", "").split(":", -1)) {
      if (!entry.isBlank()) {
        var root = Path.of(entry);
        found.add(root);
        found.add(root.resolve("lib64"));
        found.add(root.resolve("lib"));
        found.add(root.resolve("targets/x86_64-linux/lib"));
        found.addAll(packages(root));
        found.addAll(glob(root, "*/lib"));
      }
    }
    return existing(found);
  }

  /// Toolkit folders, the driver's folders and pip-installed packages below `root`.
  static List<Path> usual(Path root, Map<String, String> environment) {
    var found = new LinkedHashSet<Path>();
    var toolkits = new ArrayList<>(glob(root, "usr/local/cuda*"));
    toolkits.sort((a, b) -> b.compareTo(a));
    for (var toolkit : toolkits) {
      found.add(toolkit.resolve("lib64"));
      found.add(toolkit.resolve("targets/x86_64-linux/lib"));
    }
    DRIVER.forEach(folder -> found.add(root.resolve(folder)));
    for (var prefix : pythonPrefixes(root, environment)) {
      for (var site : glob(prefix, "lib/python3*/*-packages")) {
        found.addAll(packages(site));
      }
      found.addAll(packages(prefix.resolve("lib/python3/dist-packages")));
    }
    return existing(found);
  }

  private static List<Path> pythonPrefixes(Path root, Map<String, String> environment) {
    var prefixes = new LinkedHashSet<Path>();
    for (var name : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      if (environment.containsKey(name)) {
        prefixes.add(Path.of(environment.get(name)));
      }
    }
    for (var entry : environment.getOrDefault("PATH", "").split(":", -1)) {
      var python = Path.of(entry).resolve("python3");
      if (entry.isBlank() || !Files.exists(python)) {
        continue;
      }
      addPrefix(prefixes, python);
      try {
        addPrefix(prefixes, python.toRealPath());
      } catch (IOException e) {
        // A dangling link names no installation.
      }
    }
    if (environment.containsKey("HOME")) {
      prefixes.add(Path.of(environment.get("HOME")).resolve(".local"));
    }
    for (var pattern : List.of("opt/*/.venv", "opt/.venv", "opt/*", "usr/local", "usr")) {
      prefixes.addAll(glob(root, pattern));
    }
    return List.copyOf(prefixes);
  }

  private static void addPrefix(Set<Path> prefixes, Path python) {
    var folder = python.getParent();
    if (folder != null && folder.getParent() != null) {
      prefixes.add(folder.getParent());
    }
  }

  private static List<Path> packages(Path site) {
    return glob(site, "nvidia/*/lib");
  }

  private static List<Path> existing(Set<Path> folders) {
    return folders.stream().filter(Files::isDirectory).toList();
  }

  private static List<Path> glob(Path root, String pattern) {
    var found = List.of(root);
    for (var part : pattern.split("/", -1)) {
      var next = new ArrayList<Path>();
      for (var folder : found) {
        if (!part.contains("*")) {
          next.add(folder.resolve(part));
        } else if (Files.isDirectory(folder)) {
          try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, part)) {
            stream.forEach(next::add);
          } catch (IOException e) {
            // An unreadable folder holds nothing for us.
          }
        }
      }
      found = next.stream().filter(Files::exists).sorted().toList();
    }
    return found;
  }
}
