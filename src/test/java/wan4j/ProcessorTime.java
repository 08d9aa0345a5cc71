package wan4j;

import java.time.Duration;

/// What this process has used of processors, which bounds work by what it does and not by what else
/// the machine does.
public final class ProcessorTime {
  private ProcessorTime() {}

  /// Returns the time that all threads have used since the process began.
  public static Duration used() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow();
  }
}
