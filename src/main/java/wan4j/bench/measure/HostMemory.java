package wan4j.bench.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The memory of the host that this process and its page cache may have: the machine's, or less
/// where a cgroup of version 2 says so.
public final class HostMemory {
  private static final Pattern TOTAL =
      Pattern.compile("^MemTotal:\\s+(\\d+) kB", Pattern.MULTILINE);
  private static final Pattern GROUP = Pattern.compile("^0::(/.*)$", Pattern.MULTILINE);
  private static final String UNLIMITED = "max";

  private HostMemory() {}

  /// Returns this machine's bytes, or 0 where they are unknown.
  public static long bytes() {
    return bytes(Path.of("/"));
  }

  /// Returns the bytes by the files below a root.
  public static long bytes(Path root) {
    Matcher total = TOTAL.matcher(text(root.resolve("proc/meminfo")));
    long bytes = total.find() ? Long.parseLong(total.group(1)) << 10 : 0;
    Matcher group = GROUP.matcher(text(root.resolve("proc/self/cgroup")));
    if (group.find()) {
      Path groups = root.resolve("sys/fs/cgroup");
      Path own = groups.resolve(group.group(1).substring(1));
      for (Path at = own; at.startsWith(groups); at = at.getParent()) {
        String most = text(at.resolve("memory.max")).strip();
        if (!most.isEmpty() && !most.equals(UNLIMITED)) {
          bytes = Math.min(bytes, Long.parseLong(most));
        }
      }
    }
    return bytes;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ""; // another system, or no limit
    }
  }
}
