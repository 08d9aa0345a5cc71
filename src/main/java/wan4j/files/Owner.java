package wan4j.files;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/// The process that a temporary name belongs to, as a part of that name: the machine since it
/// started, the process's number and the time at which it started, so that what a process left that
/// has ended can be told from what another one still writes.
record Owner(String machine, long process, long start) {
  private static final Pattern MARK = Pattern.compile("([0-9a-f]{8})-([0-9a-f]+)-([0-9a-f]+)");

  /// This process.
  static final Owner SELF =
      new Owner(
          thisMachine(), ProcessHandle.current().pid(), start(ProcessHandle.current()).orElse(0L));

  /// Returns the mark in names.
  String mark() {
    return "%s-%x-%x".formatted(machine, process, start);
  }

  /// Returns the owner of a mark, or null when it is none.
  static Owner of(String mark) {
    Matcher matcher = MARK.matcher(mark);
    try {
      return matcher.matches()
          ? new Owner(
              matcher.group(1),
              Long.parseLong(matcher.group(2), 16),
              Long.parseLong(matcher.group(3), 16))
          : null;
    } catch (NumberFormatException e) {
      return null; // too long for ours
    }
  }

  /// Says whether the process has certainly ended; of another machine that cannot be known.
  boolean hasEnded() {
    if (!machine.equals(SELF.machine)) {
      return false;
    }
    Optional<ProcessHandle> running = ProcessHandle.of(process);
    return running.isEmpty() || start(running.get()).filter(time -> time != start).isPresent();
  }

  private static Optional<Long> start(ProcessHandle handle) {
    return handle.info().startInstant().map(Instant::toEpochMilli);
  }

  /// Numbers of processes are one machine's, since it started, and one container's.
  private static String thisMachine() {
    CRC32C sum = new CRC32C();
    String text = name() + text("/proc/sys/kernel/random/boot_id") + link("/proc/self/ns/pid");
    sum.update(text.getBytes(StandardCharsets.UTF_8));
    return "%08x".formatted(sum.getValue());
  }

  private static String name() {
    String own = text("/proc/sys/kernel/hostname");
    try {
      return own.isEmpty() ? InetAddress.getLocalHost().getHostName() : own;
    } catch (IOException e) {
      return "";
    }
  }

  private static String text(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      return ""; // another system
    }
  }

  private static String link(String file) {
    try {
      return Files.readSymbolicLink(Path.of(file)).toString();
    } catch (IOException e) {
      return "";
    }
  }
}
