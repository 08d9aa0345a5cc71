package wan4j.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The memory of the host that this process and its page cache may have: the machine's, or less
/// where a cgroup of version 2 says so.
public final class HostMemory {
  private static final Pattern TOTAL =
      Pattern.compile("^MemTotal:\\s+(\\d+) kB", Pattern.MULTILINE);
  private static final Pattern AVAILABLE =
      Pattern.compile("^MemAvailable:\\s+(\\d+) kB", Pattern.MULTILINE);
  private static final Pattern CACHED =
      Pattern.compile("^inactive_file (\\d+)$", Pattern.MULTILINE);
  private static final Pattern GROUP = Pattern.compile("^0::(/.*)$", Pattern.MULTILINE);
  private static final String UNLIMITED = "max";

  private HostMemory() {}

  /// Returns the bytes on this machine, or 0 where it does not tell.
  public static long bytes() {
    return bytes(Path.of("/"));
  }

  /// Returns the bytes by the files below a root.
  public static long bytes(Path root) {
    Matcher total = TOTAL.matcher(text(root.resolve("proc/meminfo")));
    long bytes = total.find() ? Long.parseLong(total.group(1)) << 10 : 0;
    for (Path group : groups(root)) {
      String most = text(group.resolve("memory.max")).strip();
      if (!most.isEmpty() && !most.equals(UNLIMITED)) {
        bytes = Math.min(bytes, Long.parseLong(most));
      }
    }
    return bytes;
  }

  /// Returns the bytes that a process could take now without others having to be stopped, or
  /// `Long.MAX_VALUE` where this machine does not tell.
  public static long availableBytes() {
    return availableBytes(Path.of("/"));
  }

  /// Returns the same by the files below a root.
  public static long availableBytes(Path root) {
    Matcher available = AVAILABLE.matcher(text(root.resolve("proc/meminfo")));
    long bytes = available.find() ? Long.parseLong(available.group(1)) << 10 : Long.MAX_VALUE;
    for (Path group : groups(root)) {
      String most = text(group.resolve("memory.max")).strip();
      String current = text(group.resolve("memory.current")).strip();
      if (!most.isEmpty() && !most.equals(UNLIMITED) && !current.isEmpty()) {
        Matcher cached = CACHED.matcher(text(group.resolve("memory.stat")));
        long freed = cached.find() ? Long.parseLong(cached.group(1)) : 0;
        bytes = Math.min(bytes, Long.parseLong(most) - Long.parseLong(current) + freed);
      }
    }
    return Math.max(bytes, 0);
  }

  /// Returns the folders of this process's control groups, the innermost first.
  private static List<Path> groups(Path root) {
    List<Path> all = new ArrayList<>();
    Matcher group = GROUP.matcher(text(root.resolve("proc/self/cgroup")));
    if (group.find()) {
      Path groups = root.resolve("sys/fs/cgroup");
      Path own = groups.resolve(group.group(1).substring(1));
      for (Path at = own; at.startsWith(groups); at = at.getParent()) {
        all.add(at);
      }
    }
    return all;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ""; // another system, or no limit
    }
  }
}
