package wan4j.cli.bench;

import picocli.CommandLine.Option;
import wan4j.Task;

/// The linear layers of a transformer and the rows that go through them.
final class LinearLayerOptions {
  @Option(
      names = "--task",
      defaultValue = "i2v-A14B",
      description = "The task whose transformer gives the shapes (default: i2v-A14B).")
  private String task;

  @Option(
      names = "--rows",
      paramLabel = "1..",
      defaultValue = "9450",
      description = "Rows (default: 9450, a share of 8 at 720P and 81 frames).")
  private int rows;

  Task task() {
    return Task.of(task);
  }

  int rows() {
    return rows;
  }
}
